"""The official data files as their authors publish them: names, sizes, checksums and addresses."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CIFAR_SERVER = "https://www.cs.toronto.edu/~kriz"


@dataclass(frozen=True)
class Archive:
    """A packed data set on a server."""

    file: str
    md5: str
    size: int
    """Bytes of the archive."""
    unpacked: int
    """Bytes of the files that are kept after unpacking."""

    @property
    def described(self) -> str:
        """The file with its size and checksum, for messages."""
        return f"{self.file} ({self.size:,} bytes, md5 {self.md5})"


ARCHIVES: Mapping[str, Archive] = MappingProxyType({
    "cifar10": Archive("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", 170_498_071, 155_000_000),
    "cifar100": Archive("cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85", 169_001_437, 155_500_000),
})  # fmt: skip

TABLE_NAME = "nas-bench-201"
TABLE_FILE = f"{TABLE_NAME}.npz"
"""Name of the compact table under the data root."""
TABLE_SOURCE = "NAS-Bench-201-v1_1-096897.pth"
TABLE_ID = "16Y0UwGisiouVRxW-W5hEtbxmcHw_0hF_"
"""Google Drive id of the file."""
TABLE_ENDING = "096897"
"""Last digits of the file's MD5, which its authors put into its name."""
TABLE_SIZE = 5_000_000_000
IMAGENET16_ID = "1T3UIyZXUhMmIuJLOBMIYKAsJknAtrrO4"
"""Google Drive id of the folder."""
IMAGENET16_SIZE = 1_100_000_000
