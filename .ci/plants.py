"""Plants one mistake after another in how runs go on, and prints a table of what noticed: fails if nothing did."""
# ruff: noqa: INP001

from __future__ import annotations

import sys
from dataclasses import dataclass

from noticing import ROOT, copied, noticed

SIMULATED = ("tests/simulation",)
KILLED = ("tests/kill", "tests/end_to_end/test_resuming.py", "tests/end_to_end/test_failures.py")
MACHINE = "runtime/scheduler/machine.py"
COURSE = "runtime/scheduler/course.py"
NEEDS = "runtime/scheduler/needs.py"
SLOTS = "runtime/scheduler/slots.py"
TRIALS = "runtime/scheduler/trials.py"
GATHERING = "runtime/scheduler/gathering.py"
MEDDLING = "runtime/scheduler/meddling.py"
NODE = "runtime/scheduler/node.py"
RETRY = "runtime/scheduler/retry.py"
GRAPH = "runtime/scheduler/graph.py"
STATE = "runtime/scheduler/state.py"
RULES = "runtime/scheduler/rules.py"
ROOMS = "runtime/rooms.py"
TWINS = "runtime/scheduler/twins.py"
DUES = "runtime/scheduler/dues.py"
TWIN_KEEPER = "runtime/twins.py"
EQUAL = ("tests/end_to_end/test_equal_tasks.py",)
SERVICES = ("tests/end_to_end/test_services.py",)
LOOP = "runtime/loop.py"
RUNNING = "runtime/running.py"
ATTEMPTS = "runtime/attempts.py"
HOOKS = "runtime/hooks.py"
PLANNER = "runtime/planner.py"
OUTBOX = "runtime/outbox.py"
SSRF = "runtime/ssrf.py"
CONNECTING = "runtime/taskside/connecting.py"
TOLD = ("tests/runtime/test_hooks.py", "tests/runtime/test_outbox.py", "tests/runtime/test_webhooks.py")
CALLED = ("tests/runtime/test_ssrf.py",)


@dataclass(frozen=True)
class Plant:
    """A mistake: in a file, what stands there once is replaced by something else."""

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = SIMULATED

    def planted(self) -> str:
        """The file's text with the mistake in it."""
        text = (ROOT / self.file).read_text()
        assert text.count(self.old) == 1, f"{self.file}: this stands there {text.count(self.old)} times:\n{self.old}"
        return text.replace(self.old, self.new)


PLANTS = (
    # waiting
    Plant(
        "a skip of the plan is asked about",
        MACHINE,
        'if action in ("skip", "omit"):',
        'if action == "omit":',
    ),
    Plant(
        "what the plan omits is asked about",
        MACHINE,
        'if action in ("skip", "omit"):',
        'if action == "skip":',
    ),
    Plant(
        "a task begins before what it needs",
        MACHINE,
        'if node.state == "waiting" and not node.unmet:',
        'if node.state == "waiting":',
    ),
    Plant(
        "one need that is met is enough",
        NEEDS,
        "                if not dependant.unmet:",
        "                if dependant.unmet >= 0:",
    ),
    Plant(
        "the last need is forgotten",
        NEEDS,
        "                dependant.unmet -= 1\n",
        "                dependant.unmet -= 1 if dependant.unmet > 1 else 0\n",
    ),
    Plant(
        "a failed need blocks nobody",
        NEEDS,
        '                if verdict == "block":',
        '                if verdict == "never":',
    ),
    Plant(
        "the root of a block is not named",
        NEEDS,
        "self._course.block(dependant, node.blocked_by or node.spec.name)",
        "self._course.block(dependant, node.spec.name)",
    ),
    Plant(
        "a reader of an omitted task runs",
        NEEDS,
        '                if verdict == "omit":',
        '                if verdict == "never":',
    ),
    Plant("a data edge is met by a failure", STATE, '    "failure": "block",', '    "failure": "met",'),
    Plant("an order edge to an omitted task omits", STATE, '{**DATA, "omitted": "met"}', "{**DATA}"),
    Plant(
        "completion waits for success",
        STATE,
        'return AFTER_SUCCESS if need.requires == "success" else AFTER_COMPLETION',
        "return AFTER_SUCCESS",
    ),
    Plant(
        "what is decided late is decided twice",
        NODE,
        'return self.state == "waiting" and not self.unmet',
        "return not self.unmet",
    ),
    Plant(
        "what was decided is never begun",
        NEEDS,
        '            self._course.move(node, "pending", durable=False)\n            self._slots.queue(node)\n\n    def decided_skip',
        '            self._course.move(node, "pending", durable=False)\n\n    def decided_skip',
    ),
    Plant(
        "what the plan decided is begun unasked, whatever goes before it",
        NEEDS,
        'planned.action == "run" and planned.key is not None',
        'planned.action != "skip"',
    ),
    Plant(
        "a decision that failed is a decision to run",
        NEEDS,
        "            self._course.fail(node, event.failure)\n",
        '            self._course.move(node, "pending")\n            self._slots.queue(node)\n',
    ),
    # pending, claimed
    Plant(
        "one attempt more than there are slots",
        SLOTS,
        "while len(self.live) - self._live_async + len(self._rooms.asking) < self.limit and",
        "while len(self.live) - self._live_async + len(self._rooms.asking) <= self.limit and",
    ),
    Plant(
        "one asynchronous attempt more than there are slots",
        SLOTS,
        "while self._ready_async and self._live_async < self._async_limit and",
        "while self._ready_async and self._live_async <= self._async_limit and",
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "an asynchronous attempt keeps its slot",
        SLOTS,
        "        self._live_async -= self._is_async(node)\n",
        "",
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "canceling leaves what was to begin beside others",
        SLOTS,
        "        self._ready_async.clear()\n",
        "",
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "a paused run begins more",
        SLOTS,
        "< self.limit and not is_paused:",
        "< self.limit:",
    ),
    Plant(
        "a paused run never goes on",
        MACHINE,
        "                self._course.is_paused = False\n",
        "                pass\n",
    ),
    Plant(
        "fewer slots are not noticed",
        MACHINE,
        "                self._slots.limit = event.slots\n",
        "                self._slots.limit = max(self._slots.limit, event.slots)\n",
    ),
    Plant(
        "an attempt starts before it is recorded",
        COURSE,
        "        commands = self._recorded()\n        commands += self.effects\n",
        "        commands = self.effects\n        commands += self._recorded()\n",
    ),
    Plant(
        "a claim is not durable",
        SLOTS,
        '        course.move(node, "claimed")\n',
        '        course.move(node, "claimed", durable=False)\n',
    ),
    Plant("the claim's attempt is not recorded", SLOTS, '        course.note(node, "claimed")\n', ""),
    Plant("attempts are not counted", SLOTS, "        node.attempt += 1\n", "        node.attempt = 1\n"),
    Plant(
        "a claimed task takes no slot",
        SLOTS,
        "        self.live[token] = node\n        if",
        "        if",
    ),
    # running
    Plant("a late beginning counts", TRIALS, 'if node is None or node.state != "claimed":', "if node is None:"),
    Plant(
        "an attempt may take for ever",
        TRIALS,
        '            self._course.effects.append(SetTimer(f"timeout:{event.token}", event.at + node.spec.timeout))\n',
        "",
    ),
    Plant(
        "silence is not noticed",
        TRIALS,
        "            self._await_heartbeat(node, event.token)\n\n    def heartbeat",
        "\n    def heartbeat",
    ),
    Plant(
        "a heartbeat is not heard",
        TRIALS,
        '        if node is not None and node.phase == "live" and node.state == "running":\n            self._await_heartbeat(node, event.token)',
        "        del node",
    ),
    Plant("a limit stops nothing", TRIALS, "            self._slots.stop(node, token)\n", "            pass\n"),
    Plant(
        "timers of an ended attempt stay",
        SLOTS,
        '            self._course.effects.append(DropTimer(f"timeout:{token}"))\n',
        "            pass\n",
    ),
    Plant(
        "what ends although stopped is published",
        TRIALS,
        "        if was_stopping:\n",
        "        if was_stopping and result.failure is not None:\n",
    ),
    # the end of an attempt
    Plant(
        "a failure is published",
        TRIALS,
        "        elif result.failure is not None:\n",
        '        elif result.failure is not None and result.failure.kind == "permanent":\n',
    ),
    Plant("an ended attempt keeps its slot", SLOTS, "        del self.live[token]\n", "        self.live.get(token)\n"),
    Plant(
        "a stale success is kept",
        TRIALS,
        "        if event.result.failure is None and not is_taken:\n",
        "        if event.result.failure is None and is_taken:\n",
    ),
    Plant(
        "a lost attempt is not noticed",
        TRIALS,
        "            self._failed(node, failure, None)\n",
        "            pass\n",
    ),
    Plant(
        "a success is not durable",
        TRIALS,
        '            course.move(node, "success")\n',
        '            course.move(node, "success", durable=False)\n',
    ),
    Plant(
        "any attempt's publishing counts",
        TRIALS,
        'if node.phase == "publishing" and node.token == event.token:\n            node.phase = "idle"\n            node.error = None',
        'if node.state != "success":\n            node.phase = "idle"\n            node.error = None',
    ),
    Plant(
        "what could not be published is a success",
        TRIALS,
        "            self._failed(node, event.failure, result)\n",
        '            self._course.note(node, "success", result)\n            self._course.move(node, "success")\n',
    ),
    Plant(
        "what failed stays staged",
        TRIALS,
        "        course.effects.append(Discard(node.spec.name, node.token))\n        if result is None",
        "        if result is None",
    ),
    # repeating
    Plant("an old attempt may still publish", TRIALS, "        node.token = None\n", ""),
    Plant("a retry does not wait", TRIALS, "        if after > 0:\n", "        if after > 1e9:\n"),
    Plant(
        "a retry waits for ever",
        TRIALS,
        '            self._course.effects.append(SetTimer(f"retry:{node.spec.name}", self._course.at + after))\n',
        "            pass\n",
    ),
    Plant(
        "permanent failures are retried",
        RETRY,
        'return failure.kind != "permanent" and attempt < spec.retry.max_attempts',
        "return attempt < spec.retry.max_attempts",
    ),
    Plant("one attempt too many", RETRY, "attempt < spec.retry.max_attempts", "attempt <= spec.retry.max_attempts"),
    Plant("one attempt too few", RETRY, "attempt < spec.retry.max_attempts", "attempt + 1 < spec.retry.max_attempts"),
    Plant(
        "a lost attempt uses up the budget",
        TRIALS,
        "        counted = node.attempt - node.lost - node.before\n",
        "        counted = node.attempt - node.before\n",
    ),
    Plant(
        "what is not idempotent is repeated",
        RETRY,
        "return spec.idempotent and lost",
        "return lost",
    ),
    Plant(
        "lost attempts are repeated for ever",
        RETRY,
        " else MAX_LOST)",
        " else lost)",
    ),
    # canceling
    Plant(
        "canceling stops nothing that runs",
        MACHINE,
        '            if node.phase == "live" and node.token is not None:\n                self._slots.stop(node, node.token)\n            elif',
        "            if",
    ),
    Plant(
        "canceling leaves what waits",
        MACHINE,
        'elif node.state in ("waiting", "pending", "paused") and',
        'elif node.state == "pending" and',
    ),
    Plant("canceling leaves what was to begin", SLOTS, "        self._ready.clear()\n", ""),
    Plant(
        "canceling leaves a retry's timer",
        COURSE,
        '            self.effects.append(DropTimer(f"retry:{node.spec.name}"))\n',
        "            pass\n",
    ),
    Plant(
        "what was stopped by a cancel is retried",
        TRIALS,
        "        elif course.is_canceling or node.is_canceled:\n            course.note",
        "        elif node.is_canceled:\n            course.note",
    ),
    # the end of a run
    Plant(
        "a run ends while a task is open",
        MACHINE,
        "if not self._course.unfinished and not self.done:",
        "if self._course.unfinished <= 1 and not self.done:",
    ),
    Plant(
        "a run with a failure succeeds",
        STATE,
        'if not seen.isdisjoint(("failure", "upstream_failed")):',
        'if "upstream_failed" in seen:',
    ),
    Plant(
        "a canceled run succeeds", STATE, 'return "canceled" if "canceled" in seen else "success"', 'return "success"'
    ),
    # resuming
    Plant(
        "a success is forgotten when the driver dies",
        GRAPH,
        'return planned.action in ("skip", "omit") or planned.reason.code == "kept"',
        "return False",
    ),
    Plant(
        "attempts begin at one again",
        GRAPH,
        "node.attempt, node.lost, node.error = record.attempt, record.lost, record.error",
        "node.lost, node.error = record.lost, record.error",
    ),
    Plant(
        "a dead driver's attempt stays open",
        COURSE,
        '        self._tried.append((node, attempt._replace(state="lost", ended_at=self.at)))\n',
        "",
    ),
    Plant(
        "a dead driver's attempt is not counted as lost",
        COURSE,
        "        node.lost += 1\n        if node.state",
        "        if node.state",
    ),
    Plant(
        "what may have had its effect is repeated",
        GRAPH,
        'return is_of_unknown_outcome(record) and planned.action != "skip"',
        "return False",
    ),
    # sub-tasks, and conditions that the run decides
    Plant(
        "a task that has submitted others is done without them",
        TRIALS,
        "            if event.becomes_others:\n",
        "            if node.spec.each is not None:\n",
    ),
    Plant(
        "sub-tasks begin in a run that is canceled",
        TRIALS,
        "                if course.is_canceling:\n                    course.call_off(node)\n                    return\n",
        "",
    ),
    Plant(
        "what a task that was called off has published is discarded",
        TRIALS,
        "                node.result, node.has_listed = None, True\n",
        "                node.result = None\n",
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "a task whose sub-task failed has succeeded",
        GATHERING,
        '        bad = {"failure", "upstream_failed"}\n',
        '        bad = {"failure", "upstream_failed"} if group.spec.each is not None else {"canceled"}\n',
    ),
    Plant(
        "a task is omitted though it runs",
        NEEDS,
        "        if node.awaits_decision:\n            node.reason, node.succeeded = event.reason.to_json(), None\n"
        '            self._course.move(node, "omitted")\n',
        "        if node.state != 'omitted':\n            node.reason, node.succeeded = event.reason.to_json(), None\n"
        '            self._course.move(node, "omitted")\n',
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "a condition that is false is taken for up to date",
        NEEDS,
        '            self._course.move(node, "omitted")\n\n    def decided_failure',
        '            self._course.move(node, "skipped")\n\n    def decided_failure',
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "a retry budget counts what a group's attempt was not followed by",
        "runtime/scheduler/budget.py",
        "    is_last = record.token is not None\n",
        '    is_last = record.state in ("claimed", "running", "success", "failure", "canceled")\n',
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "a task is up to date although its sub-tasks are not",
        "runtime/planner.py",
        "        if to_run:\n            return Repeats(Reason",
        "        if to_run < 0:\n            return Repeats(Reason",
        ("tests/end_to_end/test_subtasks.py",),
    ),
    Plant(
        "the values that a task is handed are no part of its key",
        "runtime/handed.py",
        "key_parts=(*task.key_parts, *parts.values())",
        "key_parts=task.key_parts",
        ("tests/end_to_end/test_results.py",),
    ),
    Plant(
        "a condition asks for the values of the run before",
        LOOP,
        "        self.planner.returned[command.task] = outcome.values\n",
        "",
        ("tests/end_to_end/test_results.py",),
    ),
    # repeated tasks
    Plant(
        "a repeated task ends with the first of its items",
        GATHERING,
        "        if not group.unmet and group.state not in FINAL:",
        "        if group.state not in FINAL:",
    ),
    Plant(
        "readers of a repeated task do not wait for its items",
        GATHERING,
        "        group.unmet = len(event.items)\n",
        "        group.unmet = min(1, len(event.items))\n",
    ),
    Plant(
        "a repeated task without items never ends",
        GATHERING,
        "        if not event.items:\n            self._gathered(group)\n",
        "",
    ),
    Plant(
        "an item that failed blocks nobody",
        GATHERING,
        '            course.block(group, root)\n            return\n        if "canceled"',
        '            pass\n        if "canceled"',
    ),
    Plant(
        "readers do not wait for what decides about all items",
        GATHERING,
        "        if group.closing is not None and not group.has_closing:\n            self._close(group, group.closing)\n            return\n",
        "",
    ),
    Plant(
        "what decides about all items begins in a canceled run",
        GATHERING,
        "        if course.is_canceling or group.is_canceled:\n            course.call_off(group)\n        elif group.is_late:",
        "        if group.is_late:",
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "what was to decide about all items is canceled where one fails",
        GATHERING,
        "            self._block_closing(group, root)\n",
        "",
    ),
    Plant(
        "items appear twice",
        GATHERING,
        'if group.phase != "gathering" or group.items or group.state in FINAL:',
        'if group.phase != "gathering" or group.state in FINAL:',
    ),
    Plant(
        "items appear in a canceled run",
        GATHERING,
        "        if course.is_canceling or group.is_canceled:\n            course.call_off(group)\n            return\n        if group.is_late",
        "        if group.is_late",
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "an item that succeeded is written over when the run goes on",
        GATHERING,
        "            course.records[node.spec.name] = node.succeeded = record\n        else:\n            course.moved[node] = True\n",
        "            node.succeeded = record\n        course.moved[node] = True\n",
    ),
    Plant(
        "an item that there is no more stays open",
        GATHERING,
        "        left = [record for record in self._left.values() if record.state not in FINAL]\n",
        "        left: list[TaskRecord] = []\n",
    ),
    Plant(
        "an item's attempt of a dead driver stays open",
        GATHERING,
        "            if attempt is not None and attempt.state in UNENDED:\n",
        "            if attempt is not None and attempt.state == 'never':\n",
    ),
    Plant(
        "items come in another order",
        GATHERING,
        'kept = tuple(item.spec.name for item in group.items if item.state != "omitted")',
        'kept = tuple(item.spec.name for item in reversed(group.items) if item.state != "omitted")',
    ),
    # with real processes
    Plant(
        "nothing of a run is durable",
        LOOP,
        "                self._write(batch.transaction)\n            self._make_ready",
        "                pass\n            self._make_ready",
        KILLED,
    ),
    Plant("results are not committed", LOOP, "        transaction.put_results(self._results)\n", "", KILLED),
    Plant(
        "a run is never resumed",
        RUNNING,
        "                left = next((one for one in dead if self._can_resume(one, options, logical_time)), None)",
        "                left = None",
        KILLED,
    ),
    Plant(
        "a live driver's run is taken over",
        RUNNING,
        "return [run for run in running if not is_driven(run, drivers, self.clock)]",
        "return [run for run in running if run.driver]",
        KILLED,
    ),
    Plant("staged files of the dead are left", RUNNING, "                self._sweep_staging(run)\n", "", KILLED),
    Plant(
        "tasks write where they are read",
        "runtime/storage/staging.py",
        '        return os.path.join(self._folder(final, token), f"{token}-{plain}{suffix}")',
        '        if final is not None and token:\n            Path(final).parent.mkdir(parents=True, exist_ok=True)\n            return final\n        return os.path.join(self._folder(final, token), f"{token}-{plain}{suffix}")',
        KILLED,
    ),
    Plant(
        "workers outlive their driver",
        "runtime/taskside/guardian.py",
        "if orders in events or os.getppid() != parent:",
        "if parent < 0:",
        KILLED,
    ),
    Plant(
        "a worker's death is a success",
        "backends/local/workers.py",
        "self._reports.append(Ended(handed.token, now, AttemptResult(handed.token, failure, ended_at=now)))",
        "self._reports.append(Ended(handed.token, now, AttemptResult(handed.token, ended_at=now)))\n        del failure",
        KILLED,
    ),
    Plant(
        "a worker's death is not told",
        "backends/local/workers.py",
        "        self._reports.append(Ended(handed.token, now, AttemptResult(handed.token, failure, ended_at=now)))",
        "        del failure",
        KILLED,
    ),
    Plant(
        "outputs are taken on trust for ever",
        "runtime/planner.py",
        "            if digest != output.digest:\n                return",
        "            if digest is None:\n                return",
        ("tests/end_to_end/test_trust_skips.py", "tests/end_to_end/test_skipping.py"),
    ),
    Plant(
        "an input that moved is not noticed",
        ATTEMPTS,
        "        if moved is not None:\n",
        "        if moved is not None and not moved:\n",
        ("tests/runtime/test_loop.py",),
    ),
    Plant(
        "a driver that was taken for dead goes on",
        LOOP,
        "    if not transaction.drives(run.id, run.driver):",
        "    if not run.driver:",
        ("tests/runtime/test_loop.py",),
    ),
    Plant(
        "a retry has no attempts left",
        GRAPH,
        "node.before = record.attempt - record.lost if record.state in FINAL else record.before",
        "node.before = record.before",
        ("tests/runtime/scheduler", "tests/simulation"),
    ),
    Plant(
        "what failed leaves no letter",
        LOOP,
        "            transaction.put_letters(self._died)",
        "            pass",
        ("tests/end_to_end/test_retrying.py",),
    ),
    Plant(
        "anyone may publish",
        ATTEMPTS,
        "if not permits(attempt.task.name, token):",
        "if not token:",
        ("tests/runtime/test_loop.py",),
    ),
    # telling the outside
    Plant(
        "what hooks tell is not kept",
        LOOP,
        "            transaction.put_messages(self._messages)",
        "            pass",
        TOLD,
    ),
    Plant(
        "the end of a run is not told with it",
        RUNNING,
        "            if hooks is not None:\n",
        "            if False:\n",
        TOLD,
    ),
    Plant(
        "a message is another one each time",
        HOOKS,
        'named = "\\0".join((run.id, task or "", event, which, hook.url))',
        'named = "\\0".join((run.id, task or "", event, which, hook.url, str(now)))',
        TOLD,
    ),
    Plant("a retry is told as a start", HOOKS, "if record.task not in self._begun:", "if True:", TOLD),
    Plant("a whole error is told", HOOKS, '"message": cut,', '"message": message,', TOLD),
    Plant("what a dead courier had taken is left", OUTBOX, "        self._free()\n", "", TOLD),
    Plant(
        "what was not begun with is kept at the end",
        OUTBOX,
        "replace(one, taken_by=None, due_at=now) for one",
        "one for one",
        TOLD,
    ),
    Plant(
        "an endpoint that does not work is called on",
        OUTBOX,
        "breaker.failed(now) if ended.tried.is_down else breaker.succeeded()",
        "breaker.succeeded()",
        TOLD,
    ),
    Plant("an endpoint is called twice at a time", OUTBOX, "if where in self._under_way or", "if", TOLD),
    Plant("what fails is tried for ever", OUTBOX, "tries >= rules.retry.max_attempts or", "", TOLD),
    Plant(
        "the time of a message is not signed",
        "runtime/webhooks.py",
        'b".".join((name.encode(), stamp.encode(), body))',
        'b".".join((name.encode(), body))',
        TOLD,
    ),
    Plant(
        "a name is looked up once more",
        CONNECTING,
        "create_connection((str(address), self.port)",
        "create_connection((self.host, self.port)",
        CALLED,
    ),
    Plant(
        "one address that is public is enough",
        CONNECTING,
        "    for address in addresses:",
        "    for address in addresses[:1]:",
        CALLED,
    ),
    Plant("a redirect leads anywhere", SSRF, "if (there.host, there.port) != (url.host, url.port) or", "if", CALLED),
    Plant(
        "a redirect makes another request",
        SSRF,
        "frozenset({307, 308})",
        "frozenset({301, 302, 303, 307, 308})",
        CALLED,
    ),
    Plant("redirects never end", SSRF, "for _ in range(REDIRECTS + 1):", "for _ in range(99):", CALLED),
    Plant(
        "a huge answer is read", SSRF, "response.read(_LONGEST_ANSWER)", "response.read(10 * _LONGEST_ANSWER)", CALLED
    ),
    Plant(
        "a listener ends the run",
        "runtime/bus.py",
        "except Exception as error:",
        "except ArithmeticError as error:",
        ("tests/runtime/test_bus.py",),
    ),
    Plant(
        "failures count for ever",
        "runtime/scheduler/breaker.py",
        "if now - at < self.limits.window",
        "if now - at < self.limits.window * 99",
        ("tests/runtime/scheduler/test_breaker.py",),
    ),
    Plant(
        "a breaker lets all pass that probe",
        "runtime/scheduler/breaker.py",
        'return replace(self, state="half_open", until=now + self.limits.patience)',
        'return replace(self, state="half_open", until=now)',
        ("tests/runtime/scheduler/test_breaker.py",),
    ),
    # limits
    Plant(
        "a name for a failure counts for nothing",
        RETRY,
        "        return attempt < own\n    return failure.kind",
        "        pass\n    return failure.kind",
    ),
    Plant(
        "a budget of retries is never used up",
        TRIALS,
        "            self._retries += 1\n",
        "            pass\n",
    ),
    Plant(
        "retries before a crash are forgotten",
        MACHINE,
        "0 if limits.retries is None else retries_made(resumed, limits.began_at)",
        "0",
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "a deadline passes unnoticed",
        MACHINE,
        '                self._end_overdue()\n            case "due"',
        '                pass\n            case "due"',
    ),
    Plant(
        "a run past its deadline was canceled",
        MACHINE,
        '"failure" if course.is_overdue and state == "canceled" else state',
        "state",
    ),
    Plant(
        "what was cut off is repeated",
        RETRY,
        " and not is_unknown(spec, failure)\n",
        "\n",
    ),
    Plant(
        "an attempt may take for ever to begin",
        SLOTS,
        "                node.limit = never_began(start)\n                self.stop(node, node.token)\n",
        "                pass\n",
    ),
    Plant(
        "what begins late is given up like what was lost",
        RETRY,
        "(MAX_UNSTARTED if reason == UNSTARTED else MAX_LOST)",
        "MAX_LOST",
        ("tests/runtime/scheduler", "tests/simulation"),
    ),
    # room
    Plant(
        "room is not given back",
        SLOTS,
        "            self._free_room(node, token)\n        if node.phase",
        "            pass\n        if node.phase",
    ),
    Plant(
        "a run takes more places than a rule allows",
        RULES,
        "self.held[rule.group] >= rule.max",
        "self.held[rule.group] > rule.max",
    ),
    Plant(
        "who found no room never asks again",
        SLOTS,
        "        self._rooms.full.pop(line, None)\n        self.fill()\n",
        "        self.fill()\n",
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "who cannot begin stays in line",
        SLOTS,
        "            if is_told and groups_of(line):\n",
        "            if False:\n",
    ),
    Plant(
        "room that comes too late is kept",
        SLOTS,
        "        self._free_room(node, event.token)\n",
        "        pass\n",
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "a dead run keeps its room",
        ROOMS,
        "transaction.free_room_of(run.id)",
        "pass",
        ("tests/end_to_end/test_limits.py",),
    ),
    # equal tasks
    Plant(
        "nobody asks for equal tasks",
        NEEDS,
        "            if node.spec.twins:\n                self._twins.look(node)\n                return\n",
        "",
    ),
    Plant(
        "who waits for an equal task never asks again",
        TWINS,
        '        self._course.effects.append(SetTimer(f"twin:{node.spec.name}", self._course.at + PATIENCE))\n',
        "",
    ),
    Plant(
        "an answer that comes too late counts",
        TWINS,
        '        if node.phase != "behind":\n            return\n        node.phase, node.behind, node.waits = "idle", None, None\n',
        '        node.phase, node.behind, node.waits = "idle", None, None\n',
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "the failure of an equal task is a skip",
        TWINS,
        "        if event.error is None:\n",
        "        if event.error is None or event.error:\n",
        EQUAL,
    ),
    Plant(
        "who waits stands for others",
        TWIN_KEEPER,
        '                transaction.drop_twins([Twin(group, self.run.id, command.task, "") for group in known])\n',
        "",
        ("tests/runtime/test_twins.py",),
    ),
    Plant(
        "a dead driver is waited for",
        TWIN_KEEPER,
        "return run is not None and is_driven(run, drivers, self.clock)",
        "return run is not None and bool(drivers)",
        EQUAL,
    ),
    Plant(
        "outputs that are gone stand for others",
        TWIN_KEEPER,
        "if result is not None or not spec.outputs:",
        "if result is not None or spec.outputs or not spec.outputs:",
        EQUAL,
    ),
    # services
    Plant(
        "nobody says how an attempt found its service",
        TRIALS,
        "        self._course.effects.append(TellService(node.spec.name, token, found))\n",
        "        del found, token\n",
    ),
    Plant(
        "a failure that will not pass is laid to the service",
        TRIALS,
        'found = "down" if may_pass or failure.reason == "timeout" else "unknown"',
        'found = "down" if may_pass or failure.reason else "unknown"',
    ),
    Plant(
        "a probe that is not wanted any more stays one",
        SLOTS,
        '            self._course.effects.append(TellService(node.spec.name, event.token, "unknown"))\n',
        "            pass\n",
        ("tests/runtime/scheduler",),
    ),
    Plant(
        "who waits for a service never asks again",
        SLOTS,
        "        self._course.effects.append(SetTimer(_room_timer(line), self._course.at + wait))\n",
        "        del wait\n",
    ),
    Plant(
        "a probe whose driver is dead is waited for",
        ROOMS,
        "                return breaker.unclear(now)\n",
        "                pass\n",
        ("tests/runtime/test_rooms.py",),
    ),
    Plant(
        "all probe at once",
        ROOMS,
        "            transaction.put_service(probing._replace(run=self.run.id, token=command.token))\n",
        "            del probing\n",
        ("tests/runtime/test_rooms.py",),
    ),
    # deadlines of tasks
    Plant(
        "a task's deadline passes unnoticed",
        MACHINE,
        "                self._dues.end(self._course.nodes[subject])\n",
        "                pass\n",
    ),
    Plant(
        "a run that goes on forgets the deadlines of tasks",
        MACHINE,
        "                self._dues.watch(node)\n",
        "                pass\n",
    ),
    Plant(
        "what is late is tried again",
        TRIALS,
        "        elif node.is_late:\n",
        "        elif node.is_late and node.attempt < 0:\n",
    ),
    Plant(
        "items of a late task go on",
        DUES,
        "            for item in node.items:\n                self.end(item)\n",
        "            pass\n",
    ),
    Plant(
        "what waits behind others is taken for lost",
        SLOTS,
        "            node.waits_since = event.at\n",
        "            pass\n",
        ("tests/runtime/scheduler",),
    ),
    # one task
    Plant(
        "a paused task begins",
        NEEDS,
        "        elif node.is_held:\n            self._course.rest_held(node)\n        elif self._is_settled",
        "        elif self._is_settled",
    ),
    Plant(
        "a paused task is retried",
        TRIALS,
        "        if node.is_held:\n            self._course.rest_held(node)\n        elif node.phase",
        "        if node.phase",
    ),
    Plant(
        "a paused task stays in the queue",
        MEDDLING,
        "            self._slots.withdraw(node)\n            self._course.rest_held(node)\n",
        "            self._course.rest_held(node)\n",
    ),
    Plant(
        "a canceled task is retried",
        TRIALS,
        "elif course.is_canceling or node.is_canceled:",
        "elif course.is_canceling:",
        ("tests/runtime/scheduler",),
    ),
    # the clock
    Plant(
        "a jump of the clock fires all alarms",
        LOOP,
        "            self._timers.shift(jumped)\n",
        "",
        ("tests/runtime/test_jumps.py",),
    ),
    Plant(
        "what was told before a jump counts from then",
        LOOP,
        "told = [replace(report, at=now) for report in told]",
        "pass",
        ("tests/runtime/test_jumps.py",),
    ),
    # what is not stored, known by column
    Plant(
        "any other query of what is not stored is taken for the same",
        PLANNER,
        "            if self.unchanged(task.name, earlier, columns):",
        "            if columns:",
        ("tests/end_to_end/test_by_column.py",),
    ),
    Plant(
        "what changed ahead of a query that is not stored is overlooked",
        PLANNER,
        "if len(differing) > 1 or earlier is None",
        "if earlier is None",
        ("tests/end_to_end/test_by_column.py",),
    ),
    Plant(
        "what a query that is not stored was known by is forgotten",
        PLANNER,
        "alike=tuple(dict.fromkeys((*now.alike, *before.alike, *same))))",
        "alike=now.alike)",
        ("tests/end_to_end/test_by_column.py",),
    ),
)


def main(chosen: str = "") -> int:
    alive = 0
    plants = [one for one in PLANTS if chosen in one.what]
    with copied(["runtime", "backends"]) as copy:
        for tests in dict.fromkeys(one.tests for one in plants):
            assert not noticed(copy, tests), f"{tests}: the tests have to pass before anything is planted"
        for one in plants:
            whole = (copy / one.file).read_text()
            (copy / one.file).write_text(one.planted())
            by = noticed(copy, one.tests)
            (copy / one.file).write_text(whole)
            alive += not by
            sys.stdout.write(f"{one.what[:60]:<60} {one.file.rpartition('/')[2]:<12} {by or 'NOBODY'}\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{alive} of {len(plants)} not noticed\n" if alive else f"\neach of {len(plants)} is noticed\n")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
