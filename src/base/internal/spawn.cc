#include "base/internal/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/internal/errno_status.h"
#include "base/internal/fd.h"

extern char** environ;

// glibc's clone under its other name: behind the first one ThreadSanitizer takes the child for a
// fork with memory of its own, and would note in our memory that no thread may start any more.
extern "C" int __clone(int (*run)(void*), void* stack, int flags, void* argument,
                       ...);  // NOLINT: glibc's name

namespace hoego::internal {
namespace {

enum class Stage { kStarted, kParent, kFolder, kLimit, kExec };

// Everything the child needs until exec, made before it is cloned. It shares our memory until then,
// and we sleep, so it reports through `stage` and `error`, and must not allocate, lock or touch
// anything else of ours.
struct Plan {
  std::vector<std::string> env;
  std::vector<char*> argv;
  std::vector<char*> envp;
  const char* folder = nullptr;
  int nice = 0;
  rlimit memory{};
  pid_t parent = 0;
  int null = -1;
  int output = -1;
  int errors = -1;
  volatile Stage stage = Stage::kStarted;
  volatile int error = 0;
};

void FillPlan(Plan& plan, const ChildOptions& options) {
  for (const std::string& arg : options.argv) {
    plan.argv.push_back(const_cast<char*>(arg.c_str()));
  }
  plan.argv.push_back(nullptr);
  plan.env = options.env;
  for (char** ours = environ; *ours != nullptr; ++ours) {
    const std::string_view entry(*ours);
    const std::string_view name = entry.substr(0, entry.find('=') + 1);
    const bool replaced =
        std::any_of(options.env.begin(), options.env.end(),
                    [&](const std::string& e) { return !name.empty() && e.starts_with(name); });
    if (!replaced) {
      plan.env.emplace_back(entry);
    }
  }
  for (std::string& entry : plan.env) {
    plan.envp.push_back(entry.data());
  }
  plan.envp.push_back(nullptr);
  plan.folder = options.folder.empty() ? nullptr : options.folder.c_str();
  plan.nice = std::clamp(options.nice, 0, 19);
  plan.memory = {options.memory_bytes, options.memory_bytes};
  plan.parent = ::getpid();
}

#define HOEGO_RAW \
  __attribute__((no_sanitize("address"), no_sanitize("thread"), no_sanitize("undefined")))

HOEGO_RAW int GiveUp(Plan* plan, Stage stage) {
  plan->stage = stage;
  plan->error = errno;
  ::_exit(127);
}

// In the child, on its own stack but in our memory. Raw system calls where libc, or a sanitizer in
// its place, keeps books of ours that the child must not change.
HOEGO_RAW int BecomeChild(void* argument) {
  Plan* const plan = static_cast<Plan*>(argument);
  ::setpgid(0, 0);
  ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != plan->parent) {
    return GiveUp(plan, Stage::kParent);  // it went before we asked to go with it
  }
  ::syscall(SYS_setpriority, PRIO_PROCESS, 0, plan->nice);
  ::syscall(SYS_dup3, plan->null, STDIN_FILENO, 0);
  ::syscall(SYS_dup3, plan->output, STDOUT_FILENO, 0);
  ::syscall(SYS_dup3, plan->errors, STDERR_FILENO, 0);
  ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);  // what a library opened without O_CLOEXEC
  if (plan->folder != nullptr && ::syscall(SYS_chdir, plan->folder) != 0) {
    return GiveUp(plan, Stage::kFolder);
  }
  if (plan->memory.rlim_cur != 0 && ::syscall(SYS_setrlimit, RLIMIT_AS, &plan->memory) != 0) {
    return GiveUp(plan, Stage::kLimit);
  }
  // exec takes back our handlers but keeps what is ignored and what is blocked. Nobody can signal
  // this process between the unblocking and exec: it left our group, and its number is not yet
  // known.
  constexpr size_t kKernelSigsetBytes = 8;
  std::array<unsigned long, 4> default_action{};
  ::syscall(SYS_rt_sigaction, SIGPIPE, default_action.data(), nullptr, kKernelSigsetBytes);
  unsigned long none = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kKernelSigsetBytes);
  ::syscall(SYS_execve, plan->argv[0], plan->argv.data(), plan->envp.data());
  return GiveUp(plan, Stage::kExec);
}

#undef HOEGO_RAW

Status WhyNot(const Plan& plan, const ChildOptions& options) {
  switch (plan.stage) {
    case Stage::kFolder:
      return ErrnoStatus(plan.error, "start child: enter folder", options.folder);
    case Stage::kLimit:
      return ErrnoStatus(plan.error, "start child: limit the memory of", options.argv[0]);
    case Stage::kParent:
      return Status::Cancelled("start child: the parent is going down");
    case Stage::kExec:
    case Stage::kStarted:
      break;
  }
  return ErrnoStatus(plan.error, "start child", options.argv[0]);
}

}  // namespace

Result<pid_t> Spawn(const ChildOptions& options, int output, int errors) {
  Plan plan;
  FillPlan(plan, options);
  plan.output = output;
  plan.errors = errors;
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null.valid()) {
    return ErrnoStatus(errno, "open", "/dev/null");
  }
  plan.null = null.get();
  constexpr size_t kStackBytes = 64 << 10;
  const auto stack = std::make_unique<char[]>(kStackBytes);
  // A handler of ours must not run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  // Not fork: copying the page tables of a server of 1 GB took 0.13 s, in which its own threads
  // wait for memory.
  const pid_t pid = ::__clone(BecomeChild, stack.get() + kStackBytes,
                              CLONE_VM | CLONE_VFORK | SIGCHLD, static_cast<void*>(&plan));
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) {
    return ErrnoStatus(error, "start child", options.argv[0]);
  }
  if (plan.stage != Stage::kStarted) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return WhyNot(plan, options);
  }
  return pid;
}

}  // namespace hoego::internal
