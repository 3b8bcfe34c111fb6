"""Write the manual page and the shell completions from the command line itself.

python tools/man_page.py write
python tools/man_page.py check    # ends with 1 when a file is not what write would write
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MAN = ROOT / "deploy" / "man" / "vsphere-market.1"
COMPLETIONS = {
    "bash": ROOT / "deploy" / "completion" / "vsphere-market.bash",
    "zsh": ROOT / "deploy" / "completion" / "_vsphere-market",
    "fish": ROOT / "deploy" / "completion" / "vsphere-market.fish",
}
NAME = "vsphere-market"

_FILES = (
    ("policies/", "What the business wants: JSON documents, given with -p."),
    ("journal.db", "The journal, in the user's data folder, unless --journal names another."),
)
_ENVIRONMENT = (
    ("GOVC_URL, GOVC_USERNAME, GOVC_PASSWORD", "The vCenter and the login, as for govc(1)."),
    ("GOVC_INSECURE, GOVC_TLS_CA_CERTS, GOVC_TLS_KNOWN_HOSTS", "Trust, as for govc(1)."),
    ("VSPHERE_MARKET_POLICIES", "Policy files or folders, as -p."),
    ("VSPHERE_MARKET_JOURNAL", "The journal, as --journal."),
    ("VSPHERE_MARKET_FORMAT", "How data is written, as --format."),
    ("OPERATIONS_URL, OPERATIONS_USERNAME, OPERATIONS_PASSWORD", "VMware Operations."),
)


def main(arguments: list[str]) -> int:
    """Write or check; the exit status."""
    files = {MAN: manual()} | {path: completion(shell) for shell, path in COMPLETIONS.items()}
    if arguments == ["write"]:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
        return 0
    if arguments != ["check"]:
        print(__doc__, file=sys.stderr)
        return 64
    stale = [
        path.relative_to(ROOT).as_posix()
        for path, text in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for name in stale:
        print(f"{name} is not what the command line says: run make man", file=sys.stderr)
    return 1 if stale else 0


def manual() -> str:
    """The manual page, in roff."""
    import typer

    import vsphere_market
    from vsphere_market.cli.app import app

    root: Any = typer.main.get_command(app)
    context: Any = root.make_context(NAME, [], resilient_parsing=True)
    lines = [
        f'.TH VSPHERE\\-MARKET 1 "" "vsphere\\-market {_r(vsphere_market.__version__)}" '
        '"User Commands"',
        ".SH NAME",
        f"{_r(NAME)} \\- a memory market for VMware vSphere",
        ".SH SYNOPSIS",
        f".B {_r(NAME)}",
        ".I VERB",
        "[\\fIOPTION\\fR]...",
        ".SH DESCRIPTION",
        *_paragraphs(root.help or ""),
        ".SH VERBS",
        *_verbs(root, context, NAME),
        ".SH EXIT STATUS",
        *_paragraphs(root.epilog or ""),
        ".SH ENVIRONMENT",
        *_list(_ENVIRONMENT),
        ".SH FILES",
        *_list(_FILES),
    ]
    return "\n".join(lines) + "\n"


def completion(shell: str) -> str:
    """The script that completes the command line in a shell."""
    from typer._completion_shared import get_completion_script

    text: str = get_completion_script(
        prog_name=NAME, complete_var="_VSPHERE_MARKET_COMPLETE", shell=shell
    )
    return text.strip() + "\n"


def _verbs(group: Any, context: Any, path: str) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        below: Any = command.make_context(name, [], parent=context, resilient_parsing=True)
        full = f"{path} {name}"
        if hasattr(command, "list_commands"):
            yield from _verbs(command, below, full)
            continue
        arguments = " ".join(
            parameter.metavar or (parameter.name or "").upper()
            for parameter in command.params
            if parameter.param_type_name == "argument"
        )
        yield f".SS {_r(full)} {_r(arguments)}".rstrip()
        yield from _paragraphs(command.help or command.short_help or "")
        for parameter in command.params:
            record = parameter.get_help_record(below)
            if record is not None and parameter.param_type_name == "option":
                yield ".TP"
                yield f".B {_r(record[0])}"
                yield _r(record[1] or "")


def _list(rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for name, text in rows:
        yield from (".TP", f".B {_r(name)}", _r(text))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        yield from (".PP", _r(" ".join(paragraph.split())))


def _r(text: str) -> str:
    """Text as roff takes it: backslashes and hyphens spelt out, no line that is a request."""
    escaped = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
