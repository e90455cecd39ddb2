"""Counts steps of 3n + 1."""

from trc import TaskContext


def longest(context: TaskContext) -> None:
    """Writes the ten numbers of a part that take most steps."""
    first, past = int(context.args["first"]), int(context.args["past"])
    found = []
    for number in range(first, past):
        steps, at = 0, number
        while at != 1:
            at = 3 * at + 1 if at % 2 else at // 2
            steps += 1
        found.append((-steps, number))
        if number % 500 == 0:
            context.progress(number - first, past - first)
    with open(context.output.path, "w", encoding="utf-8") as file:
        file.write("number,steps\n")
        file.writelines(f"{number},{-steps}\n" for steps, number in sorted(found)[:10])
