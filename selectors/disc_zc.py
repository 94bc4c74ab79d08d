"""disc-zc: discretise an edge of an untrained supernet to one operation and score it by a zero-cost proxy.

Xiang, Dudziak, Abdelfattah, Chau, Lane & Wen, "Zero-Cost Operation Scoring in Differentiable Architecture
Search", AAAI 2023: the counterpart of `zero-cost-pt` that discretises the edge instead of masking an operation, and
keeps the operation with which the proxy is highest. It has the same two-stage search, the same proxies
(`disc-zc-PROXY`) and the same variants on the trained supernet (`disc-zc-post`, `disc-zc-PROXY-post`).
"""

from nas_selection_bench.selectors.parts.proxy_variants import variants
from nas_selection_bench.selectors.parts.zero_cost import DiscretiseByProxy
from nas_selection_bench.selectors.zero_cost_pt import ZeroCostSearch

VARIANTS = variants(
    ZeroCostSearch,
    DiscretiseByProxy,
    formula="{proxy}(supernet with only o on e)",
    direction="highest proxy with it alone",
    remark="No code was released for it; remarks on the code refer to that of zero-cost-pt. ",
)
SELECTOR = VARIANTS.pop("")
