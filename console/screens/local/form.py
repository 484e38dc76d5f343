"""The form for a vLLM server: a new one, one like a pod of the fleet, or a restart."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from console.commands.desk import Desk
from console.screens.form import FormScreen
from console.views.layout import followed, head
from console.views.local.form import PRESET, Filled, Form, LaunchRow, preset_chosen, read
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.form import FormChoice, FormLine, FormRow
from widgets.line import BLANK, Line, Span
from widgets.untrusted import untrusted

if TYPE_CHECKING:
    from fleet.local.same_as_pod import Difference


class LaunchForm(FormScreen):
    """``form`` has the initial values."""

    def __init__(self, desk: Desk, form: Form) -> None:
        presets = [FormChoice(PRESET, "preset", tuple(form.presets), "none")] if form.presets else []
        super().__init__(desk, untrusted(form.title), [*presets, *(_row(row, form) for row in form.rows)])
        self._form = form
        self._filled: Filled = read(form, form.values)
        self._filling = True

    def on_mount(self) -> None:
        self._fill()
        self._show_differences(self._form.differences)

    def _fill(self) -> None:
        """Fill the rows from the form."""
        self._filling = True
        for key, row in self.rows.items():
            row.value = self._form.chosen if key == PRESET else self._form.values.get(key, "")
        self._filling = False
        self.check()

    def _show_differences(self, differences: tuple[Difference, ...]) -> None:
        if differences:
            width = self.app.size.width - 2
            lines = differences_lines(differences, width, self._explanation.glyphs)
            self._explanation.styles.height = len(lines)
            self._explanation.show(lambda width, glyphs: differences_lines(differences, width, glyphs))

    def check(self) -> None:
        if self._filling:
            return
        chosen = self.values.get(PRESET, "")
        if chosen != self._form.chosen:
            self._form = preset_chosen(self._form, chosen)
            if chosen:
                self._fill()
                return
        filled = self._filled = read(self._form, self.values)
        name = self.rows.get("name")
        if isinstance(name, FormLine):
            name.show_default(filled.name)
        self.say_beside(filled.remarks)
        self._preview.show(partial(_preview, filled.command))

    @property
    def problems(self) -> Mapping[str, str]:
        return self._filled.problems

    def plan(self) -> None:
        from actions.kinds.local_restart import LocalRestart
        from actions.kinds.local_up import LocalUp
        from actions.request import LOCAL, LOCAL_SERVER, Target

        filled, server = self._filled, self._form.server
        if server is None:
            target = Target(LOCAL_SERVER, LOCAL, filled.spec.name)
            self.desk.actions.open_plan(LocalUp(target, filled.spec, verify=filled.verify))
        else:
            target = Target(LOCAL_SERVER, LOCAL, server.name, server.record.id)
            self.desk.actions.open_plan(LocalRestart(target, filled.spec, verify=filled.verify))


def _row(row: LaunchRow, form: Form) -> FormRow:
    if row.choices:
        return FormChoice(row.key, row.label, row.choices, row.default)
    default = str(form.base.port) if row.key == "port" else row.default
    return FormLine(row.key, row.label, default)


def differences_lines(differences: tuple[Difference, ...], width: int, glyphs: Glyphs) -> list[Line]:
    """Return the lines of arguments that could not be copied from the pod: there, here, and why."""
    lines = [head("necessary differences", f"there {glyphs.right} here")]
    for each in differences:
        values = f"{untrusted(each.there)} {glyphs.right} {untrusted(each.here)}"
        lines += followed((Span(f"   {untrusted(each.what)}  ", Role.DIM),), values, Role.STRONG, width, 6)
        lines += followed((Span("      "),), untrusted(each.why), Role.TEXT, width, 6)
    return [*lines, BLANK]


def _preview(command: str, width: int, glyphs: Glyphs) -> list[Line]:
    del glyphs
    return followed((Span("   $ ", Role.DIM),), untrusted(command), Role.DIM, width, 5)[:2]
