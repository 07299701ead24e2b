"""Ctrl-C on the command line, whenever it comes, is one word and exit code 5."""

from __future__ import annotations

import pytest

from organtwin.cli import main as program


def test_ctrl_c_before_a_job_runs_is_no_traceback(monkeypatch, capsys):
    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "app", interrupted)
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 5
    assert "Cancelled" in capsys.readouterr().err
