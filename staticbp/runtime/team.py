"""The threads that compiled loops and products are shared out to: one team for the process.

`staticbp.share` runs ``body(arguments, low, high)`` over the indexes 0 to `count`, in contiguous parts of equal
size, one for each thread, and returns when all are done. The caller's thread does the first part itself. A worker
that was at work a moment ago spins on a word of its own and begins within 0.1 µs; after some tenths of a
millisecond without work it goes to sleep. What a worker has not begun by the time the caller is free, the caller
does: so nobody waits for a sleeper, and a busy machine costs little. Part i goes to worker i if it is there, so
that what a core has in its cache, it will find there at the next call.

To wake a sleeper takes some 20 µs. A small region does it only when regions have been coming: each adds its blocks
(of `grain` indexes) to a sum, and the sum has to reach :data:`WAKE`.

There is one caller at a time. A call that finds the team taken, by another thread or by the region that it is part
of, does all of the work itself, as does every call in a child after a fork, which has no workers. Which thread does
what never changes a result: regions share out what they write, and not what they sum up.

The code is LLVM's language, made into machine code when something that calls it is linked: Numba is not needed.
The threads are the system's, begin with the first region, see no signals, and end with the process. They never
touch a Python object.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import string
import sys
import threading

import llvmlite.binding as llvm

SHARE = "staticbp.share"
"""``void share(body, arguments, i64 count, i64 grain)``: run a body in parts of at least `grain` indexes."""

REST = "staticbp.rest"
"""``void rest()``: the workers stop spinning, because somebody else's threads are about to need the cores."""

MOST = 16
"""Threads at most. Beyond a few, what the regions here have to do is shared out faster than it is done."""

# Polls of a word before a worker goes to sleep, or a waiting caller gives up its turn: 30 to 50 ns each.
PATIENCE = 12_000

# Blocks of work that are worth waking a sleeper for.
WAKE = 16

_PAUSE = {
    "x86-64": """
declare void @llvm.x86.sse2.pause()
define internal void @pause() { call void @llvm.x86.sse2.pause() ret void }""",
    "aarch64": """
declare void @llvm.aarch64.hint(i32)
define internal void @pause() { call void @llvm.aarch64.hint(i32 1) ret void }""",
}
"""How a thread that spins leaves the core to its sibling, and saves power, by LLVM's name of the architecture."""

# A worker that is woken on the caller's core would take turns with it instead of working beside it.
_KEEP_APART = """
declare i32 @sched_getcpu()
declare i32 @pthread_setaffinity_np(ptr, i64, ptr)
define internal void @keep_apart(ptr %slot) noinline {
entry:
  %others = alloca [16 x i64], align 16
  %words = load [16 x i64], ptr @allowed
  store [16 x i64] %words, ptr %others
  %here = call i32 @sched_getcpu()
  %is_listed = icmp ult i32 %here, 1024
  br i1 %is_listed, label %exclude, label %done
exclude:
  %core = zext i32 %here to i64
  %index = lshr i64 %core, 6
  %place = and i64 %core, 63
  %bit = shl i64 1, %place
  %mask = xor i64 %bit, -1
  %word = getelementptr [16 x i64], ptr %others, i64 0, i64 %index
  %before = load i64, ptr %word
  %after = and i64 %before, %mask
  store i64 %after, ptr %word
  %thread_at = getelementptr %slot, ptr %slot, i64 0, i32 9
  %thread = load ptr, ptr %thread_at
  call i32 @pthread_setaffinity_np(ptr %thread, i64 128, ptr %others)
  br label %done
done:
  ret void
}"""

_STATES = {"IDLE": 0, "READY": 1, "TAKEN": 2}

# The caller turns a slot from idle to ready; whoever turns it back from ready (to taken: a worker; to idle: the
# caller) does the part; a worker that is done makes it idle. `asleep` and the word are each written by one side and
# then read by the other in sequentially consistent order, so that no call is lost.
_CODE = r"""
;              state, asleep, body, arguments, low, high; mutex and condition, two lines of cache further; thread
%slot = type { i32, i32, ptr, ptr, i64, i64, [88 x i8], [128 x i8], [128 x i8], ptr, [120 x i8] }

@slots = internal global [$MOST x %slot] zeroinitializer, align 128
@taken = internal global i32 0, align 128
@workers = internal global i32 -1, align 128     ; -1: not begun
@wanted = internal global i32 0
@patience = internal global i32 $PATIENCE, align 128
@allowed = internal global [16 x i64] zeroinitializer      ; a bit for each core that the process may use
@owed = internal global i64 0, align 128         ; blocks done since a worker was there for its part

declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare i32 @sched_yield()
$PAUSE
$KEEP_APART

define void @staticbp.reset(i32 %workers, i32 %wanted) {
  store atomic i32 %wanted, ptr @wanted seq_cst, align 4
  store atomic i32 %workers, ptr @workers seq_cst, align 4
  store atomic i32 0, ptr @taken seq_cst, align 4
  ret void
}

define void @staticbp.allow(i64 %index, i64 %bits) {
  %word = getelementptr [16 x i64], ptr @allowed, i64 0, i64 %index
  store i64 %bits, ptr %word
  ret void
}

define i32 @staticbp.present() {
  %workers = load atomic i32, ptr @workers seq_cst, align 4
  ret i32 %workers
}

define void @staticbp.rest() {
  store atomic i32 0, ptr @patience monotonic, align 4
  ret void
}

define internal void @part(ptr %slot) {
  %body_at = getelementptr %slot, ptr %slot, i64 0, i32 2
  %arguments_at = getelementptr %slot, ptr %slot, i64 0, i32 3
  %low_at = getelementptr %slot, ptr %slot, i64 0, i32 4
  %high_at = getelementptr %slot, ptr %slot, i64 0, i32 5
  %body = load ptr, ptr %body_at
  %arguments = load ptr, ptr %arguments_at
  %low = load i64, ptr %low_at
  %high = load i64, ptr %high_at
  call void %body(ptr %arguments, i64 %low, i64 %high)
  ret void
}

define internal ptr @work(ptr %slot) {
entry:
  %asleep = getelementptr %slot, ptr %slot, i64 0, i32 1
  %mutex = getelementptr %slot, ptr %slot, i64 0, i32 7
  %condition = getelementptr %slot, ptr %slot, i64 0, i32 8
  br label %attentive
attentive:
  br label %poll
poll:
  %polls = phi i32 [ 0, %attentive ], [ %more, %idle ]
  %seen = load atomic i32, ptr %slot monotonic, align 4
  %is_ready = icmp eq i32 %seen, $READY
  br i1 %is_ready, label %claim, label %idle
idle:
  call void @pause()
  %more = add i32 %polls, 1
  %patience = load atomic i32, ptr @patience monotonic, align 4
  %patient = icmp slt i32 %more, %patience
  br i1 %patient, label %poll, label %lie_down
lie_down:
  call i32 @pthread_mutex_lock(ptr %mutex)
  store atomic i32 1, ptr %asleep seq_cst, align 4
  br label %listen
listen:
  %heard = load atomic i32, ptr %slot seq_cst, align 4
  %is_called = icmp eq i32 %heard, $READY
  br i1 %is_called, label %get_up, label %sleep
sleep:
  call i32 @pthread_cond_wait(ptr %condition, ptr %mutex)
  br label %listen
get_up:
  store atomic i32 0, ptr %asleep seq_cst, align 4
  call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %claim
claim:
  %change = cmpxchg ptr %slot, i32 $READY, i32 $TAKEN acq_rel monotonic
  %is_mine = extractvalue { i32, i1 } %change, 1
  br i1 %is_mine, label %do, label %attentive
do:
  call void @part(ptr %slot)
  store atomic i32 $IDLE, ptr %slot release, align 4
  br label %attentive
}

; The workers that could be started, with all signals blocked: those are for Python's threads.
define internal i32 @begin() noinline {
entry:
  %all = alloca [128 x i8], align 16
  %before = alloca [128 x i8], align 16
  call i32 @sigfillset(ptr %all)
  call i32 @pthread_sigmask(i32 $SIG_SETMASK, ptr %all, ptr %before)
  %wanted = load atomic i32, ptr @wanted monotonic, align 4
  br label %next
next:
  %number = phi i32 [ 0, %entry ], [ %after, %created ]
  %enough = icmp sge i32 %number, %wanted
  br i1 %enough, label %done, label %create
create:
  %slot = getelementptr %slot, ptr @slots, i32 %number
  %mutex = getelementptr %slot, ptr %slot, i64 0, i32 7
  %condition = getelementptr %slot, ptr %slot, i64 0, i32 8
  call i32 @pthread_mutex_init(ptr %mutex, ptr null)
  call i32 @pthread_cond_init(ptr %condition, ptr null)
  %thread = getelementptr %slot, ptr %slot, i64 0, i32 9
  %error = call i32 @pthread_create(ptr %thread, ptr null, ptr @work, ptr %slot)
  %succeeded = icmp eq i32 %error, 0
  br i1 %succeeded, label %created, label %done
created:
  %handle = load ptr, ptr %thread
  call i32 @pthread_detach(ptr %handle)
  %after = add i32 %number, 1
  br label %next
done:
  call i32 @pthread_sigmask(i32 $SIG_SETMASK, ptr %before, ptr null)
  store atomic i32 %number, ptr @workers seq_cst, align 4
  ret i32 %number
}

define void @staticbp.share(ptr %body, ptr %arguments, i64 %count, i64 %grain) {
entry:
  %blocks = udiv i64 %count, %grain
  %is_large = icmp sgt i64 %blocks, 1
  br i1 %is_large, label %ask, label %alone
ask:
  %known = load atomic i32, ptr @workers monotonic, align 4
  %some = icmp ne i32 %known, 0
  br i1 %some, label %take, label %alone
take:
  %change = cmpxchg ptr @taken, i32 0, i32 1 acquire monotonic
  %is_mine = extractvalue { i32, i1 } %change, 1
  br i1 %is_mine, label %look, label %alone
look:
  %present = load atomic i32, ptr @workers monotonic, align 4
  %is_first = icmp slt i32 %present, 0
  br i1 %is_first, label %found, label %together
found:
  %begun = call i32 @begin()
  br label %together
together:
  %workers = phi i32 [ %present, %look ], [ %begun, %found ]
  %workers64 = zext i32 %workers to i64
  %threads = add i64 %workers64, 1
  %is_small = icmp slt i64 %blocks, %threads
  %parts = select i1 %is_small, i64 %blocks, i64 %threads
  %own = udiv i64 %count, %parts
  %owed = load i64, ptr @owed
  %due = add i64 %owed, %blocks
  store i64 %due, ptr @owed
  %is_worth_it = icmp sge i64 %due, $WAKE
  store atomic i32 $PATIENCE, ptr @patience monotonic, align 4
  br label %hand_out
hand_out:
  %w = phi i64 [ 1, %together ], [ %w_next, %handed ]
  %low = phi i64 [ %own, %together ], [ %high, %handed ]
  %all_out = icmp sge i64 %w, %parts
  br i1 %all_out, label %own_part, label %hand
hand:
  %index = sub i64 %w, 1
  %slot = getelementptr %slot, ptr @slots, i64 %index
  %asleep_at = getelementptr %slot, ptr %slot, i64 0, i32 1
  %body_at = getelementptr %slot, ptr %slot, i64 0, i32 2
  %arguments_at = getelementptr %slot, ptr %slot, i64 0, i32 3
  %low_at = getelementptr %slot, ptr %slot, i64 0, i32 4
  %high_at = getelementptr %slot, ptr %slot, i64 0, i32 5
  %w_next = add i64 %w, 1
  %product = mul i64 %count, %w_next
  %high = udiv i64 %product, %parts
  store ptr %body, ptr %body_at
  store ptr %arguments, ptr %arguments_at
  store i64 %low, ptr %low_at
  store i64 %high, ptr %high_at
  store atomic i32 $READY, ptr %slot seq_cst, align 4
  %asleep = load atomic i32, ptr %asleep_at seq_cst, align 4
  %sleeps = icmp ne i32 %asleep, 0
  br i1 %sleeps, label %consider, label %awake
awake:
  store i64 0, ptr @owed
  br label %handed
consider:
  br i1 %is_worth_it, label %wake, label %handed
wake:
  %mutex = getelementptr %slot, ptr %slot, i64 0, i32 7
  %condition = getelementptr %slot, ptr %slot, i64 0, i32 8
  store i64 0, ptr @owed
  call void @keep_apart(ptr %slot)
  call i32 @pthread_mutex_lock(ptr %mutex)
  call i32 @pthread_cond_signal(ptr %condition)
  call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %handed
handed:
  br label %hand_out
own_part:
  call void %body(ptr %arguments, i64 0, i64 %own)
  br label %collect
collect:
  %c = phi i64 [ 1, %own_part ], [ %c_next, %collected ]
  %all_in = icmp sge i64 %c, %parts
  br i1 %all_in, label %finish, label %fetch
fetch:
  %c_index = sub i64 %c, 1
  %c_next = add i64 %c, 1
  %c_slot = getelementptr %slot, ptr @slots, i64 %c_index
  %c_change = cmpxchg ptr %c_slot, i32 $READY, i32 $IDLE acq_rel acquire
  %nobody_came = extractvalue { i32, i1 } %c_change, 1
  br i1 %nobody_came, label %stand_in, label %wait
stand_in:
  call void @part(ptr %c_slot)
  br label %collected
wait:
  %polls = phi i32 [ 0, %fetch ], [ %more, %spin ], [ 0, %yield ]
  %state = load atomic i32, ptr %c_slot acquire, align 4
  %is_done = icmp eq i32 %state, $IDLE
  br i1 %is_done, label %collected, label %wait_on
wait_on:
  %more = add i32 %polls, 1
  %patient = icmp slt i32 %more, $PATIENCE
  br i1 %patient, label %spin, label %yield
spin:
  call void @pause()
  br label %wait
yield:
  call i32 @sched_yield()
  br label %wait
collected:
  br label %collect
finish:
  store atomic i32 0, ptr @taken release, align 4
  ret void
alone:
  call void %body(ptr %arguments, i64 0, i64 %count)
  ret void
}
"""


def available_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_wanted() -> int:
    """The number of threads to compute with: what the environment says, or one for each core it may use.

    ``STATICBP_NUM_THREADS`` is asked first, then ``OMP_NUM_THREADS``.

    Examples
    --------
    >>> 1 <= threads_wanted() <= MOST
    True
    """
    for name in ("STATICBP_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(name, "").split(",")[0].strip()
        if text.isdecimal() and int(text) > 0:
            return min(int(text), MOST)
    cores = available_cores()
    return min(cores, MOST)


def address(symbol: str) -> int:
    """The address of one of the functions of the team."""
    return _functions()[symbol]


def workers_present() -> int:
    """The workers that have been started: -1 before the first region, 0 where there will be none."""
    return int(ctypes.CFUNCTYPE(ctypes.c_int)(address("staticbp.present"))())


_LOCK = threading.Lock()


def _functions() -> dict[str, int]:
    with _LOCK:
        return _linked()


@functools.cache
def _linked() -> dict[str, int]:
    names = (SHARE, REST, "staticbp.reset", "staticbp.present", "staticbp.allow")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    # What runs in these functions is little; optimising it would take longer than all else here.
    machine = target.create_target_machine(opt=0, reloc="pic", codemodel="default", jit=True)
    code = string.Template(_CODE).substitute(
        _STATES,
        MOST=MOST,
        PATIENCE=PATIENCE,
        WAKE=WAKE,
        PAUSE=_PAUSE.get(target.name, "define internal void @pause() { ret void }"),
        KEEP_APART=_KEEP_APART
        if sys.platform == "linux"
        else "define internal void @keep_apart(ptr %slot) { ret void }",
        SIG_SETMASK=int(signal.SIG_SETMASK),
    )
    builder = llvm.JITLibraryBuilder().add_ir(code).add_current_process()
    for name in names:
        builder.export_symbol(name)
    engine = llvm.create_lljit_compiler(machine, use_jit_link=True, suppress_errors=True)
    library = builder.link(engine, "staticbp.team")
    # Workers are in this code until the process ends, after the interpreter has let go of everything else.
    for owner in (engine, library):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(owner))
    functions = {name: int(library[name]) for name in names}
    reset = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int)(functions["staticbp.reset"])
    if hasattr(os, "sched_getaffinity"):
        allow = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(functions["staticbp.allow"])
        cores = os.sched_getaffinity(0)
        for word in range(16):
            allow(word, sum(1 << bit for bit in range(64) if 64 * word + bit in cores))
    wanted = threads_wanted() - 1
    reset(-1 if wanted else 0, wanted)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=functools.partial(reset, 0, 0))
    return functions
