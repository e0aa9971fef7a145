# SPDX-License-Identifier: MIT
"""The keeper on its own, from a shell: restarts, sweeps, exit codes, what it says."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

import instance
import processes
from waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.sanitize
CLONE3 = 435
TREES = (["child"], ["session"], ["daemon"], ["threads"], ["storm"],
         ["child", "session", "daemon", "threads", "storm", "stubborn"])


def lives(path):
    """The lines that a payload has left, one a life."""
    return path.read_text().splitlines() if path.exists() else []


def test_program_that_exits_is_started_again(nursery, tmp_path):
    keeper = nursery.start("--delay", "1ms", "--", "sh", "-c", f"echo $$ >>{tmp_path}/lives")
    wait_until(lambda: len(lives(tmp_path / "lives")) >= 4)
    assert keeper.stop() == 0


def test_program_that_is_killed_is_started_again_at_once(nursery, tmp_path):
    keeper = nursery.start("--delay", "1h", "--", "sh", "-c",
                           f"echo $$ >>{tmp_path}/lives; exec sleep 1000")
    for life in (1, 2):
        wait_until(lambda n=life: len(lives(tmp_path / "lives")) == n)
        os.kill(int(lives(tmp_path / "lives")[-1]), signal.SIGKILL)
    wait_until(lambda: len(lives(tmp_path / "lives")) == 3)
    assert keeper.stop() == 0


def test_third_restart_waits_for_its_delay(nursery, tmp_path):
    start = time.monotonic()
    nursery.start("--delay", "400ms", "--max-restarts", "3", "--", "sh", "-c",
                  f"echo life >>{tmp_path}/lives; exit 1").wait_exit()
    assert len(lives(tmp_path / "lives")) == 4
    assert time.monotonic() - start >= 0.3


@pytest.mark.parametrize("words", TREES, ids="+".join)
def test_stop_leaves_no_process(nursery, tree, words):
    fifo = nursery.fifo()
    keeper = nursery.start("--stop-timeout", "100ms", "--", tree, fifo.path, *words)
    fifo.wait_ready()
    assert keeper.stop() == 0
    assert not fifo.has_writers()


@pytest.mark.parametrize("words", TREES, ids="+".join)
def test_crash_leaves_no_process_to_the_next_life(nursery, tree, words, tmp_path):
    """Each life finds out whether somebody of the last one still has the fifo."""
    old, new = nursery.fifo(), nursery.fifo()
    script = f"""
        if [ -e {tmp_path}/second ]; then exec {tree} {new.path}; fi
        touch {tmp_path}/second; exec {tree} {old.path} {' '.join(words)} crash"""
    keeper = nursery.start("--", "sh", "-c", script)
    new.wait_ready()
    assert not old.has_writers()
    assert keeper.stop() == 0
    assert not new.has_writers()


def test_stop_during_backoff_leaves_no_process(nursery, tree):
    fifo = nursery.fifo()
    keeper = nursery.start("--delay", "1h", "--", tree, fifo.path, "session", "exit",
                           stderr=subprocess.DEVNULL)
    for _ in range(3):
        fifo.wait_ready()
    assert keeper.stop() == 0
    assert not fifo.has_writers()


def test_killed_keeper_takes_its_program_along(nursery, tree):
    fifo = nursery.fifo()
    keeper = nursery.start("--", tree, fifo.path)
    fifo.wait_ready()
    keeper.process.kill()
    keeper.wait_exit()
    fifo.wait_gone()


def test_sweep_main_leaves_the_children_of_a_crash_alone(nursery, tree, tmp_path):
    fifo = nursery.fifo()
    keeper = nursery.start("--sweep", "main", "--", "sh", "-c",
                           f"[ -e {tmp_path}/2 ] && exec sleep 1000; touch {tmp_path}/2; "
                           f"exec {tree} {fifo.path} session crash")
    fifo.wait_ready()
    wait_until(lambda: "sleep 1000" in processes.tagged(nursery.tag).values())
    assert fifo.has_writers()
    assert keeper.stop() == 0
    assert fifo.has_writers()
    processes.kill_tagged(nursery.tag)


def test_orphans_are_reaped_while_the_program_runs(nursery, tmp_path):
    """Zombies of double forks would pile up for the years that a service runs."""
    keeper = nursery.start("--", "sh", "-c",
                           f"for i in 1 2 3 4 5; do (true &) ; done; touch {tmp_path}/made; "
                           "exec sleep 1000")
    wait_until((tmp_path / "made").exists)
    children = pathlib.Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children")
    wait_until(lambda: len(children.read_text().split()) == 1)
    assert keeper.stop() == 0


def test_keeper_without_clone3_does_the_same(nursery, tree, without, tmp_path):
    """As under an old container engine: fork() and a pipe instead."""
    nursery.wrapper = [without, CLONE3]
    old, new = nursery.fifo(), nursery.fifo()
    keeper = nursery.start("--", "sh", "-c",
                           f"[ -e {tmp_path}/2 ] && exec {tree} {new.path}; touch {tmp_path}/2; "
                           f"exec {tree} {old.path} session daemon crash")
    new.wait_ready()
    assert not old.has_writers()
    assert keeper.stop() == 0
    failing = nursery.start("--oneshot", "--", "/nowhere/program", stderr=subprocess.PIPE)
    assert failing.wait_exit() == 127
    assert "running '/nowhere/program': No such file or directory" in failing.said()


def test_keeper_has_no_heap(nursery):
    """Nothing in it can fail for lack of memory, or grow."""
    words = re.compile(r"\b(?:(?:m|c|re|posix_mem)alloc|strn?dup|asprintf|fopen|opendir|printf)\(")
    for path in sorted((instance.TOP / "supervisor/keeper").glob("*.c")):
        assert not words.findall(re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)), path
    symbols = subprocess.run(["nm", nursery.program], check=True, text=True,
                             capture_output=True).stdout.split()
    assert "main" in symbols
    if "_IO_stdin_used" not in symbols:  # which only glibc has, and glibc has a heap for itself
        assert not {"malloc", "__libc_malloc", "calloc", "realloc", "printf"} & set(symbols)


@pytest.mark.parametrize("script, code", (("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137),
                                          ("kill -15 $$", 143)))
def test_oneshot_exits_as_its_program(nursery, script, code):
    assert nursery.run("--oneshot", "--", "sh", "-c", script).returncode == code


def test_oneshot_runs_once_and_passes_output_through(nursery):
    result = nursery.run("--oneshot", "--", "sh", "-c", "echo out; echo err >&2")
    assert (result.returncode, result.stdout, result.stderr) == (0, "out\n", "err\n")


def test_stopped_oneshot_does_not_look_successful(nursery, tree):
    fifo = nursery.fifo()
    keeper = nursery.start("--oneshot", "--", tree, fifo.path)
    fifo.wait_ready()
    assert keeper.stop() == 128 + signal.SIGTERM


@pytest.mark.parametrize("when, code, n", (("never", 5, 1), ("on-failure", 0, 3), ("always", 0, 4)))
def test_restart_policy(nursery, tmp_path, when, code, n):
    """The program fails twice, then succeeds; "never" runs it once."""
    result = nursery.run("--restart", when, "--delay", "1ms", "--max-restarts", "3", "--", "sh",
                         "-c", f"echo x >>{tmp_path}/l; "
                         f"[ $(wc -l <{tmp_path}/l) -lt 3 ] && exit 5; exit 0")
    assert result.returncode == code
    assert len(lives(tmp_path / "l")) == n


@pytest.mark.parametrize("words, code, said", (
    (["/nowhere/program"], 127, "running '/nowhere/program': No such file or directory"),
    (["no-such-program"], 127, "running 'no-such-program': No such file or directory"),
    (["/etc/passwd"], 126, "running '/etc/passwd': Permission denied"),
    (["/etc"], 126, "running '/etc': Permission denied"),
))
def test_program_that_cannot_run_is_named(nursery, words, code, said):
    result = nursery.run("--oneshot", "--", *words)
    assert result.returncode == code
    assert said in result.stderr


def test_missing_folder_is_named(nursery):
    result = nursery.run("--oneshot", "--cwd", "/nowhere", "--", "true")
    assert result.returncode == 127
    assert "entering the folder '/nowhere': No such file or directory" in result.stderr


def test_script_with_missing_interpreter_names_it(nursery, tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/nowhere/python3 -u\n")
    script.chmod(0o755)
    result = nursery.run("--oneshot", "--", script)
    assert result.returncode == 127
    assert "'/nowhere/python3': No such file or directory" in result.stderr


def test_file_that_is_no_program_is_not_given_to_a_shell(nursery, tmp_path):
    script = tmp_path / "script"
    script.write_text("echo hello\n")
    script.chmod(0o755)
    result = nursery.run("--oneshot", "--", script)
    assert result.returncode == 126
    assert "Exec format error" in result.stderr
    assert "hello" not in result.stdout


def test_program_is_searched_in_the_path_of_the_payload(nursery, tmp_path):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "only-here"
    program.write_text("#!/bin/sh\necho found\n")
    program.chmod(0o755)
    spec = nursery.spec(["only-here"], {"PATH": f"/nowhere:{tmp_path}/bin"}, type="oneshot")
    assert nursery.run("--spec", spec).stdout == "found\n"


@pytest.mark.parametrize("words, said", (
    ([], "what is to run?"),
    (["--nonsense", "--", "true"], "--nonsense: unknown option"),
    (["--delay", "soon", "--", "true"], "--delay: 'soon' is not a value"),
    (["--delay"], "--delay: needs a value"),
    (["--oneshot=yes", "--", "true"], "--oneshot: takes no value"),
    (["--restart", "sometimes", "--", "true"], "--restart: 'sometimes' is not a value"),
    (["--spec", "/tmp/x", "--", "true"], "what is to run?"),
))
def test_wrong_command_line_is_explained(nursery, words, said):
    result = nursery.run(*words)
    assert result.returncode == 2
    assert said in result.stderr


def test_help_and_version_need_nothing_else(nursery):
    assert "usage: slicekeep-keeper" in nursery.run("--help").stdout
    assert nursery.run("--version").stdout.startswith("slicekeep-keeper ")


def test_payload_starts_with_a_clean_slate(nursery):
    """No inherited descriptor, no blocked or ignored signal, a session of its own, empty stdin."""
    leak = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(leak, True)
    script = ("ls /proc/self/fd | wc -l; grep -E '^Sig(Blk|Ign)' /proc/self/status; "
              "cat | wc -c; cut -d' ' -f6 /proc/$$/stat; echo $$")
    result = subprocess.run(["sh", "-c", f"trap '' HUP USR1 PIPE; exec {nursery.program} --oneshot "
                             f"-- sh -c \"{script.replace('$', chr(92) + '$')}\""],
                            env=nursery.env, capture_output=True, text=True, check=True,
                            timeout=20 * SLOWNESS, input="not for you", close_fds=False)
    os.close(leak)
    n_fds, blocked, ignored, stdin_bytes, session, pid = result.stdout.split("\n")[:6]
    assert int(n_fds) == 4  # 0, 1, 2 and the folder that ls reads
    assert int(blocked.split()[1], 16) == 0
    assert int(ignored.split()[1], 16) == 0
    assert int(stdin_bytes) == 0
    assert session == pid


def test_keeper_holds_nothing_that_was_left_open(nursery):
    """A lock or a pipe of a careless parent would be held for as long as the service runs."""
    ours, theirs = os.pipe()
    keeper = nursery.start("--", "sleep", "1000", control=True, pass_fds=[theirs])
    os.close(theirs)
    assert keeper.peer(None).greeting.state == "running"
    assert os.read(ours, 1) == b""
    os.close(ours)


def test_sockets_of_the_keeper_are_passed_to_every_life(nursery, tmp_path):
    """As systemd-socket-activate would start it."""
    server = socket.create_server(("127.0.0.1", 0))
    os.set_inheritable(server.fileno(), True)
    script = (f"echo $LISTEN_FDS $LISTEN_FDNAMES $([ $LISTEN_PID = $$ ] && echo mine) "
              f"$(readlink /proc/self/fd/3) >>{tmp_path}/lives; kill -9 $$")
    program = (f"import os; os.dup2({server.fileno()}, 3); os.environ.update(LISTEN_FDS='1', "
               "LISTEN_FDNAMES='web', LISTEN_PID=str(os.getpid())); "
               f"os.execv('{nursery.program}', ['keeper', '--max-restarts', '2', '--', 'sh', '-c', "
               f"{script!r}])")
    subprocess.run(["python3", "-c", program], env=nursery.env, close_fds=False, check=False,
                   timeout=20 * SLOWNESS)
    inode = os.readlink(f"/proc/self/fd/{server.fileno()}")
    assert lives(tmp_path / "lives") == [f"1 web mine {inode}"] * 3
    server.close()


def test_keeper_without_anybody_to_ask_ends_with_its_program(nursery):
    assert nursery.run("--restart", "never", "--", "sh", "-c", "exit 9").returncode == 9


def test_unreadable_spec_is_explained(nursery, tmp_path):
    (tmp_path / "bad").write_bytes(b"slicekeep-spec 1\0argv=true\0colour=blue\0")
    result = nursery.run("--spec", tmp_path / "bad")
    assert result.returncode == 1
    assert "record 3, 'colour=blue': unknown key" in result.stderr
    assert "cannot read '/nowhere'" in nursery.run("--spec", "/nowhere").stderr


def test_sighup_reads_the_spec_for_the_next_life(nursery, tmp_path):
    spec = nursery.spec(["sh", "-c", f"echo one >>{tmp_path}/lives; exec sleep 1000"])
    keeper = nursery.start("--spec", spec)
    wait_until(lambda: lives(tmp_path / "lives") == ["one"])
    nursery.spec(["sh", "-c", f"echo two >>{tmp_path}/lives; exec sleep 1000"], stop_usec=1)
    keeper.process.send_signal(signal.SIGHUP)
    # In the middle of an exec it has no environment, and so no tag.
    sleeper = wait_until(lambda: [pid for pid, name in processes.tagged(nursery.tag).items()
                                  if "sleep 1000" in name])
    # The signal is handled in the turn before the death that follows it, or in the same one.
    os.kill(sleeper[0], signal.SIGKILL)
    wait_until(lambda: lives(tmp_path / "lives") == ["one", "two"])
    assert keeper.stop() == 0


def test_limits_and_ids_are_applied(nursery):
    spec = nursery.spec(["sh", "-c", "ulimit -n; id -u; id -g; id -G; "
                         "cat /proc/self/oom_score_adj; pwd; echo $NOTIFY_SOCKET"],
                        type="oneshot", open_files=123, uid=65534,
                        gid=65534, group=[12, 34], oom_score=321, cwd="/usr")
    if os.geteuid() != 0:
        pytest.fail("these tests change users: run them as root")
    said = nursery.run("--spec", spec).stdout.splitlines()
    limit, uid, gid, groups, score, folder, notify = said
    assert (limit, uid, gid, score, folder) == ("123", "65534", "65534", "321", "/usr")
    assert set(groups.split()) == {"65534", "12", "34"}
    assert notify.startswith("@")


def test_user_without_the_right_to_the_folder_is_told(nursery, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    spec = nursery.spec(["true"], type="oneshot", uid=65534, gid=65534, cwd=str(closed))
    result = nursery.run("--spec", spec)
    assert result.returncode == 126
    assert f"entering the folder '{closed}': Permission denied" in result.stderr
