"""Mutation testing of the mathematical core: change one operator or number, and see a test fail.

``docs/mutation.md`` has the command and what was found. The mutants are those of ``cosmic-ray``, and
``pytest-cov`` tells which tests run a line. Mutants live in copies of the repository under ``--work``; the
tests that run the changed line are tried, the room's and the fast ones first. Verdicts are appended to
``verdicts.tsv`` as they come; mutants that have one there are not tried again.
"""

import argparse
import ast
import collections
import compileall
import contextlib
import importlib
import itertools
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from hypothesis import Phase, settings
from hypothesis.errors import InvalidArgument

ROOT = Path(__file__).resolve().parents[1]
CORE = [
    *(f"convexscore/{room}" for room in ("univariate", "multivariate", "arrangements", "numerics")),
    *(f"convexscore/{file}.py" for file in ("scores/density", "theory", "results", "bounds")),
]
TESTS = [
    *(f"tests/{room}" for room in ("univariate", "multivariate", "arrangements", "numerics", "scores")),
    *(f"tests/test_{file}.py" for file in ("theory", "extremes", "solve", "families")),
    *(f"tests/claims/test_{file}.py" for file in ("optimality", "equivalences", "zero_weights")),
]
KINDS = {
    "Binary": "Add_Sub Sub_Add Mul_Div Div_Mul FloorDiv_Mul Mod_Mul Pow_Mul BitAnd_BitOr BitOr_BitAnd",
    "Comparison": "Lt_LtE LtE_Lt Gt_GtE GtE_Gt Lt_Gt Gt_Lt LtE_GtE GtE_LtE Eq_NotEq NotEq_Eq Is_IsNot "
    "IsNot_Is",
    "Unary": "USub_UAdd Delete_Not Delete_Invert",
}
WORDS = (
    "AddNot ReplaceTrueWithFalse ReplaceFalseWithTrue ReplaceAndWithOr ReplaceOrWithAnd ZeroIterationForLoop"
)
OPERATORS = [f"Replace{kind}Operator_{name}" for kind, names in KINDS.items() for name in names.split()]
OPERATORS += [*WORDS.split(), "NumberReplacer"]
LIBRARIES = ("cvxpy", "osqp", "clarabel", "joblib", "sklearn.base", "scipy.stats", "scipy.spatial")
# Tests tried before all others, and seconds of the processor after which a mutant's tests run for ever.
FIRST, SECONDS = 12, 30


def all_mutants():
    """Yield (file, line, operator, occurrence) of every mutant of the core."""
    files = [
        file
        for part in CORE
        for file in ([ROOT / part] if part[-3:] == ".py" else (ROOT / part).rglob("*.py"))
    ]
    for file in sorted(files):
        nodes = list(ast_nodes(get_ast(file.read_text())))
        for name in OPERATORS:
            operator = get_operator(f"core/{name}")()
            lines = [start for node in nodes for (start, _), _ in operator.mutation_positions(node)]
            yield from ((str(file.relative_to(ROOT)), line, name, k) for k, line in enumerate(lines))


def mutated(source, name, occurrence):
    """Return the source with one change."""
    return mutate_code(source, get_operator(f"core/{name}")(), occurrence)


def without_annotations(source):
    """Return what runs: unions in annotations never do."""
    tree = ast.parse(source)
    for node, name in itertools.product(ast.walk(tree), ("annotation", "returns")):
        if getattr(node, name, None) is not None:
            setattr(node, name, ast.Constant(None))
    return ast.unparse(tree)


def sampled(size, seed):
    """Draw mutants: a quarter of them of numbers, which are half of all there are."""
    rng, mutants, drawn = random.Random(seed), list(all_mutants()), []
    for numbers, wanted in ((True, size // 4), (False, size - size // 4)):
        group = [mutant for mutant in mutants if (mutant[2] == "NumberReplacer") == numbers]
        rng.shuffle(group)
        while wanted:
            path, _, name, occurrence = mutant = group.pop()
            source = (ROOT / path).read_text()
            runs = name != "ReplaceBinaryOperator_BitOr_BitAnd" or (
                without_annotations(mutated(source, name, occurrence)) != without_annotations(source)
            )
            drawn += [mutant] * runs
            wanted -= runs
    rng.shuffle(drawn)
    return drawn


class Durations:
    """Keeps how long each test took."""

    def __init__(self):
        self.seconds = collections.defaultdict(float)

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] += report.duration


class Unshrunk:
    """Keeps Hypothesis from looking for the smallest example of a failure: any will do."""

    def pytest_sessionstart(self):
        with contextlib.suppress(InvalidArgument):
            phases = (Phase.explicit, Phase.generate)
            settings.register_profile("mutation", parent=settings.get_profile("repeatable"), phases=phases)
            settings.load_profile("mutation")


def measure(jobs):
    """Run the tests here once; keep their durations, and which of them runs which line."""
    durations = Durations()
    options = ["-q", "-n", str(jobs), "--cov=convexscore", "--cov-context=test", "--cov-report="]
    if pytest.main([*options, *TESTS, *CORE], plugins=[durations]) != 0:
        sys.exit("the tests fail without a mutant")
    Path("durations.json").write_text(json.dumps(durations.seconds))


def tests_of(copy, path, line, budget):
    """Return the tests that run this line, those of its room and below a second first."""
    from coverage import CoverageData

    data = CoverageData(str(copy / ".coverage"))
    data.read()
    (name,) = (name for name in data.measured_files() if name.endswith(f"/{path}"))
    by_line = {number: {*tests} - {""} for number, tests in data.contexts_by_lineno(name).items()}
    # The middle of a statement counts as its start; what runs on import, as the file.
    start = max((number for number, tests in by_line.items() if number <= line and tests), default=line)
    found = by_line.get(line if line in by_line else start) or set().union(*by_line.values())
    seconds = json.loads((copy / "durations.json").read_text())
    names = {test.split("|")[0] for test in found} & set(seconds)
    room = path.split("/")[1].removesuffix(".py")
    chosen, spent = [], 0.0
    for test in sorted(names, key=lambda name: (seconds[name] > 1, room not in name, seconds[name])):
        if spent + seconds[test] <= budget or not chosen:
            chosen.append(test)
            spent += seconds[test]
    return chosen


def in_child(copy, tests):
    """Run tests in a forked process, which has the libraries already; never returns."""
    os.chdir(copy)
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    signal.alarm(60 * SECONDS)
    sys.path.insert(0, str(copy))
    plain = [f"-p{name}" for name in ("no:cacheprovider", "no:xdist", "no:cov")]
    os._exit(int(pytest.main(["-x", "-q", "--assert=plain", *plain, *tests], plugins=[Unshrunk()])))


def outcome(copy, tests):
    """Return whether a test fails, or the time runs out: that of the processor, whatever else it does."""
    child = os.fork()
    if child == 0:
        in_child(copy, tests)
    code = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(code) and os.WTERMSIG(code) in (signal.SIGXCPU, signal.SIGALRM, signal.SIGKILL):
        return "timeout"
    return "killed" if code else "survived"


def verdict(job):
    """Write one mutant into this worker's copy, run its tests, and put the file back."""
    copies, (path, line, name, occurrence), budget = job
    copy = copies[multiprocessing.current_process()._identity[-1] % len(copies)]
    file, tests = copy / path, tests_of(copies[0], path, line, budget)
    source, before = file.read_text(), file.stat()
    changed = mutated(source, name, occurrence) if name else source
    file.write_text(changed)
    # Most mutants fall to the first few tests; only what survives them has all test files read.
    status = outcome(copy, tests[:FIRST])
    if status == "survived" and tests[FIRST:]:
        status = outcome(copy, tests[FIRST:])
    file.write_text(source)
    # With its old time the file has its compiled form again; the mutant, being younger, never had it.
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    lines = [text.strip() for text in changed.splitlines() if text not in source.splitlines()]
    return [path, str(line), name, str(occurrence), status, str(len(tests)), " / ".join(lines)]


def prepare(copies, jobs):
    """Copy what is tracked, compile it, and measure the tests in the first copy unless that was done."""
    tracked = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")[:-1]
    for name, copy in itertools.product(tracked, copies):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    os.environ.update(PYTHONPATH="", OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
    if not (copies[0] / "durations.json").exists():
        paths = [str(copies[0]), str(ROOT / "benchmarks")]
        code = f"import sys; sys.path[:0] = {paths}; import mutation; mutation.measure({jobs})"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=copies[0])
    for copy in copies:
        compileall.compile_dir(copy, quiet=1)
    sys.dont_write_bytecode = True
    for name in LIBRARIES:
        importlib.import_module(name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the copies and the verdicts")
    parser.add_argument("--sample", type=int, default=420, help="number of mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=float, default=30.0, help="seconds of tests a mutant, at most")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    copies = [arguments.work.resolve() / f"copy{k}" for k in range(arguments.jobs)]
    prepare(copies, arguments.jobs)
    found = arguments.work / "verdicts.tsv"
    found.touch()
    known = {tuple(row.split("\t")[:4]) for row in found.read_text().splitlines()}
    mutants = sampled(arguments.sample, arguments.seed)
    jobs = [(copies, mutant, arguments.budget) for mutant in mutants if tuple(map(str, mutant)) not in known]
    with multiprocessing.get_context("fork").Pool(arguments.jobs) as pool, found.open("a") as rows:
        unchanged = [(copies, (*mutant[:2], "", 0), arguments.budget) for mutant in mutants[:6]]
        if any(row[4] != "survived" for row in pool.map(verdict, unchanged)):
            sys.exit("tests fail without a mutant when they are chosen by line")
        for row in pool.imap_unordered(verdict, jobs):
            rows.write("\t".join(row) + "\n")
            rows.flush()
    table = [row.split("\t") for row in found.read_text().splitlines()]
    for (room, status), number in sorted(
        collections.Counter((r[0].split("/")[1], r[4]) for r in table).items()
    ):
        print(f"{room:16} {status:10} {number:4}")


if __name__ == "__main__":
    main()
