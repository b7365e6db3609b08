"""What kubelet makes of a variable's value or an argument: Kubernetes' third_party/forked/golang/expansion."""

import re
from collections.abc import Mapping


def expand(text: str, variables: Mapping[str, str]) -> str:
    """$$ is one $, $(NAME) the value of a variable that there is; everything else stays."""

    def meant_by(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else variables.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", meant_by, text)
