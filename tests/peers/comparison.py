"""What the comparisons with Python share: running a program for its JSON line, and naming the machine."""
import json
import os
import platform
import statistics
import subprocess


def run_lines(command, **environment):
    """@param environment  variables besides this process's.   @returns every line of its output, decoded."""
    result = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True,
                            env={**os.environ, **environment})
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stderr}")
    return [json.loads(line) for line in result.stdout.splitlines()]


def run(command, **environment):
    """@returns the last line of its output, decoded."""
    return run_lines(command, **environment)[-1]


def hardware():
    with open("/proc/cpuinfo") as lines:
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return f"{model}, {platform.machine()}"


def spread(values):
    """median [least, most]"""
    return f"{statistics.median(values):.3g} [{min(values):.3g}, {max(values):.3g}]"
