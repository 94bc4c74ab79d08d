"""Control: DARTS-PT's schedule with magnitude as the criterion.

Wang, Cheng, Chen, Tang & Hsieh, "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021, section 6.2, the
ablation "DARTS+PT-Mag": decide and fine-tune edge by edge as `darts-pt` does, in the same order and on the same
batches, but keep the operation with the largest alpha. What `darts-pt` gains over it is due to the perturbation score.
"""

from nas_selection_bench.selectors.darts_pt import TUNING
from nas_selection_bench.selectors.magnitude import Magnitude
from nas_selection_bench.selectors.parts.schedule import Greedy

SELECTOR = Greedy(
    paper="Wang et al., Rethinking Architecture Selection in Differentiable NAS, ICLR 2021, sec. 6.2, PT-Mag",
    formula="p(e, o), edge by edge with fine-tuning",
    direction="largest",
    passes="5 gaps of fine-tuning",
    differs=f"The schedule is that of darts-pt, with the same differences. {TUNING}",
    rule=Magnitude(),
    order="random",
    tune=None,
)
