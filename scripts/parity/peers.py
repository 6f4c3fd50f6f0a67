"""The real peers: ipmi_sim, snmpsim, and the programs that people know. All private, on loopback, and ended with `with`."""

import contextlib
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import uuid

import made_up

ROOT = pathlib.Path(__file__).resolve().parents[2]
RACKPOLL = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "rackpoll"
RECORDED = pathlib.Path(os.environ.get("RACKPOLL_PEERS", ROOT.parent / "shared" / "peers"))
PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
# Dates as UTC and numbers with points, whatever this machine speaks.
PLAIN = {**os.environ, "PATH": PATH, "TZ": "UTC", "LC_ALL": "C"}


def run(command, limit=120, lenient=False, **environment):
    """The command's output; a failure of it ends the comparison, for there is nothing to compare with. `lenient`: some
    programs fail where one of many things is not there."""
    done = subprocess.run(
        [str(word) for word in command], env={**PLAIN, **environment}, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=limit, check=False,
    )
    if done.returncode != 0 and not (lenient and done.stdout):
        raise RuntimeError(f"{' '.join(map(str, command))}: exit status {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode("utf-8", errors="replace")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def process(command, ready, what):
    """Starts it, waits until `ready()`, and ends it afterwards."""
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen([str(word) for word in command], env=PLAIN, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + 60
            while not ready():
                if child.poll() is not None or time.monotonic() > deadline:
                    output.seek(0)
                    raise RuntimeError(f"{what} does not come up: {output.read().decode(errors='replace')}")
                time.sleep(0.1)
            yield
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def answers_ping(port):
    ping = bytes([0x06, 0x00, 0xFF, 0x06, 0x00, 0x00, 0x11, 0xBE, 0x80, 0x01, 0x00, 0x00])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.3)
        probe.connect(("127.0.0.1", port))
        try:
            probe.send(ping)
            return probe.recv(64)[8] == 0x40
        except (OSError, IndexError):
            return False


class Bmc:
    """An ipmi_sim with a model's data."""

    def __init__(self, port, password):
        self.port, self.password = port, password

    def ipmitool(self, *words):
        return run(
            ["ipmitool", "-I", "lanplus", "-C", "3", "-E", "-H", "127.0.0.1", "-p", self.port, "-U", "admin", *words],
            IPMI_PASSWORD=self.password, lenient=words[0] == "fru",
        )

    def freeipmi(self, folder, *words):
        # freeipmi takes a password from the command line or a file only.
        config = pathlib.Path(folder) / "freeipmi.conf"
        config.touch(mode=0o600)
        config.write_text(f"username admin\npassword {self.password}\n", encoding="ascii")
        return run([
            "ipmi-sensors", "-D", "LAN_2_0", "-I", "3", "-W", "opensesspriv", "--config-file", config, "-h", f"127.0.0.1:{self.port}",
            "--sdr-cache-directory", folder, "--quiet-cache", "--comma-separated-output", "--no-header-output", *words,
        ])

    def rackpoll(self, command):
        return run(
            [RACKPOLL, "poll", "ipmi", command, "--host", f"127.0.0.1:{self.port}", "--user", "admin", "--password-env",
             "PARITY_PASSWORD", "--timeout", "60s", "--output", "json"],
            PARITY_PASSWORD=self.password,
        )


def models(made, made_folder):
    """Name, command file and SEL of each model: the project's own, the recorded servers, and `made` of them made up, whose
    files go to `made_folder`."""
    found = [("fixture", ROOT / "tests/fixtures/ipmi/server.emu", None)]
    folder = RECORDED / "ipmi/models"
    for model in sorted(folder.iterdir()) if folder.is_dir() else []:
        seed = model / "sel.seed"
        found.append((model.name, model / "sim.emu", seed if seed.is_file() else None))
    for seed in made:
        commands, log = pathlib.Path(made_folder) / f"{seed}.emu", pathlib.Path(made_folder) / f"{seed}.sel"
        server = made_up.server(seed)
        commands.write_text(server, encoding="ascii")
        log.write_text(made_up.events(seed) + made_up.levels(server, seed), encoding="ascii")
        found.append((f"made-up-{seed}", commands, log))
    return found


@contextlib.contextmanager
def bmc(commands, sel):
    port, password = free_port(), secrets.token_hex(8)
    with tempfile.TemporaryDirectory() as folder:
        state = pathlib.Path(folder) / "state"
        (state / "ipmi_sim/bmc").mkdir(parents=True)
        if sel is not None:
            shutil.copy(sel, state / "ipmi_sim/bmc/sel.20")
        lan = (ROOT / "tests/fixtures/ipmi/lan.conf").read_text(encoding="ascii")
        for word, value in {
            "@ADDRESS@": "127.0.0.1", "@PORT@": str(port), "@GUID@": uuid.uuid4().hex, "@PASSWORD@": password,
            "@POWER@": 'startcmd "setpriv --pdeathsig KILL sleep 1000000000"\n  startnow true',
        }.items():
            lan = lan.replace(word, value)
        configuration = pathlib.Path(folder) / "lan.conf"
        configuration.write_text(lan, encoding="ascii")
        command = ["ipmi_sim", "-n", "-c", configuration, "-f", commands, "-s", state]
        with process(command, lambda: answers_ping(port), "ipmi_sim"):
            yield Bmc(port, password)


class Agents:
    """snmpsim with every recording of a folder; the community is the recording's name."""

    def __init__(self, port):
        self.address = f"127.0.0.1:{port}"

    def snmpbulkwalk(self, community, oid):
        return run(["snmpbulkwalk", "-v2c", "-c", community, "-t", "10", "-r", "2", "-m", "", "-Oqn", self.address, oid])

    def rackpoll(self, community, oid):
        return run(
            [RACKPOLL, "poll", "snmp", "--host", self.address, "--community-env", "PARITY_COMMUNITY", "--oid", oid,
             "--timeout", "120s", "--output", "json"],
            PARITY_COMMUNITY=community,
        )


def recordings():
    """Each folder of recordings that is here."""
    folders = [ROOT / "tests/fixtures/snmp", RECORDED / "snmp/recordings"]
    return [folder for folder in folders if folder.is_dir() and list(folder.glob("*.snmprec"))]


@contextlib.contextmanager
def agents(folder):
    port = free_port()
    venv = ROOT / "target/venv/bin/snmpsim-command-responder"
    first = sorted(folder.glob("*.snmprec"))[0].stem

    def answers():
        done = subprocess.run(
            ["snmpget", "-v2c", "-c", first, "-t", "1", "-r", "0", "-m", "", "-Oqn", f"127.0.0.1:{port}", "1.3.6.1.2.1.1.2.0"],
            env=PLAIN, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )
        return done.returncode == 0

    with tempfile.TemporaryDirectory() as cache:
        command = [
            venv, "--process-user", "root", "--process-group", "root", "--cache-dir", cache, "--log-level", "error",
            "--logging-method=null", "--data-dir", folder, f"--agent-udpv4-endpoint=127.0.0.1:{port}",
        ]
        with process(command, answers, "snmpsim"):
            yield Agents(port)
