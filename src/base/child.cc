#include "base/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/disk.h"
#include "base/internal/errno_status.h"
#include "base/internal/fd.h"
#include "base/internal/spawn.h"
#include "base/text.h"

namespace hoego {
namespace {

using internal::ErrnoStatus;
using internal::Fd;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::chrono::milliseconds kSampleEvery{250};   // when the child is silent
constexpr std::chrono::milliseconds kSampleSpacing{10};  // when it is not
constexpr size_t kTailBytes = 8 << 10;

uint64_t OwnPeak() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return ErrnoStatus(errno, "make", "a pipe to a child");
  }
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// Cuts a stream of bytes into lines of at most `most` bytes; the rest of a longer line is dropped.
class LineCutter {
 public:
  LineCutter(size_t most, const std::function<void(std::string_view)>& on_line)
      : most_(most), on_line_(on_line) {}

  void Add(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      const std::string_view part = bytes.substr(0, end);
      line_.append(part.substr(0, most_ - line_.size()));
      started_ = true;
      if (end == std::string_view::npos) {
        return;
      }
      Give();
      bytes.remove_prefix(end + 1);
    }
  }
  void Finish() {
    if (started_) {
      Give();
    }
  }

 private:
  void Give() {
    if (on_line_) {
      on_line_(line_);
    }
    line_.clear();
    started_ = false;
  }
  const size_t most_;
  const std::function<void(std::string_view)>& on_line_;
  std::string line_;
  bool started_ = false;
};

// A started child, its pipes, and what has been heard of it. Lives on the stack of RunChild.
class Running {
 public:
  Running(const ChildOptions& options, const std::function<void(std::string_view)>& on_line)
      : options_(options), lines_(options.max_line_bytes, on_line) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (pid_ > 0) {  // left by an error after the start
      ::kill(-pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  Status Start();
  Status Watch(const Fd& stop_event);
  ChildResult Finish();

 private:
  void End(bool timed_out);
  int MillisToNextStep() const;
  bool TakeOutput(Fd& from, bool errors);
  void SampleMemory();

  const ChildOptions& options_;
  LineCutter lines_;
  ChildResult result_;
  pid_t pid_ = -1;
  Fd exit_event_;
  Fd output_;
  Fd errors_;
  SteadyTime started_ = std::chrono::steady_clock::now();
  std::optional<SteadyTime> next_step_;  // when to end it, or to kill it once ending
  bool ending_ = false;
  SteadyTime sampled_;
  uint64_t inherited_rss_ = 0;
  uint64_t seen_rss_ = 0;
};

Status Running::Start() {
  HOEGO_TRY_ASSIGN(Pipe output, MakePipe());
  HOEGO_TRY_ASSIGN(Pipe errors, MakePipe());
  HOEGO_TRY_ASSIGN(pid_, internal::Spawn(options_, output.write.get(), errors.write.get()));
  inherited_rss_ = OwnPeak();
  exit_event_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!exit_event_.valid()) {
    return ErrnoStatus(errno, "watch child", options_.argv[0]);
  }
  output_ = std::move(output.read);
  errors_ = std::move(errors.read);
  for (const int fd : {output_.get(), errors_.get()}) {
    if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
      return ErrnoStatus(errno, "watch child", options_.argv[0]);
    }
  }
  if (options_.timeout.count() > 0) {
    next_step_ = started_ + options_.timeout;
  }
  return {};
}

// The kernel lets a child start with the peak of the process that made it, so wait4 tells a child's
// own peak only when that is higher. For the others: the high-water mark, looked at while it runs.
void Running::SampleMemory() {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now - sampled_ < kSampleSpacing) {
    return;
  }
  sampled_ = now;
  const auto text = ReadWholeFile(RealDisk(), fmt::format("/proc/{}/status", pid_));
  if (!text.ok()) {
    return;
  }
  const size_t at = text->find("VmHWM:");
  if (at != std::string::npos) {
    const std::string_view rest = Trim(std::string_view(*text).substr(at + 6, 40));
    const auto kib = ParseInt(rest.substr(0, rest.find(' ')));
    seen_rss_ = std::max(seen_rss_, static_cast<uint64_t>(kib.value_or(0)) * 1024);
  }
}

void Running::End(bool timed_out) {
  if (ending_) {
    ::kill(-pid_, SIGKILL);
    next_step_.reset();
    return;
  }
  ending_ = true;
  (timed_out ? result_.timed_out : result_.cancelled) = true;
  ::kill(-pid_, SIGTERM);
  next_step_ = std::chrono::steady_clock::now() + options_.grace;
}

// For poll(2), rounded up, so that the step is due when poll returns. Never for ever: memory has no
// event to wait for.
int Running::MillisToNextStep() const {
  const SteadyTime now = std::chrono::steady_clock::now();
  const SteadyTime next = std::min(now + kSampleEvery, next_step_.value_or(SteadyTime::max()));
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now);
  return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

// Takes what is there, at most 64 KiB. False when the other end is closed or there is nothing more
// now.
bool Running::TakeOutput(Fd& from, bool errors) {
  std::array<char, 64 << 10> buffer;
  const ssize_t n = ::read(from.get(), buffer.data(), buffer.size());
  if (n <= 0) {
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      from.Close();
    }
    return n < 0 && errno == EINTR;
  }
  const std::string_view bytes(buffer.data(), static_cast<size_t>(n));
  if (!errors) {
    lines_.Add(bytes);
    return true;
  }
  result_.error_tail.append(bytes);
  if (result_.error_tail.size() > kTailBytes) {
    result_.error_tail.erase(0, result_.error_tail.size() - kTailBytes);
  }
  return true;
}

Status Running::Watch(const Fd& stop_event) {
  for (;;) {
    // A negative descriptor is passed over by poll: a closed pipe, or the stop once heard.
    std::array<pollfd, 4> events = {{{exit_event_.get(), POLLIN, 0},
                                     {output_.get(), POLLIN, 0},
                                     {errors_.get(), POLLIN, 0},
                                     {ending_ ? -1 : stop_event.get(), POLLIN, 0}}};
    if (::poll(events.data(), events.size(), MillisToNextStep()) < 0 && errno != EINTR) {
      return ErrnoStatus(errno, "watch child", options_.argv[0]);
    }
    SampleMemory();
    if (events[1].revents != 0) {
      TakeOutput(output_, false);
    }
    if (events[2].revents != 0) {
      TakeOutput(errors_, true);
    }
    if (events[0].revents != 0) {
      return {};
    }
    if (events[3].revents != 0) {
      End(false);
    } else if (next_step_ && std::chrono::steady_clock::now() >= *next_step_) {
      End(true);
    }
  }
}

ChildResult Running::Finish() {
  // While the child is a zombie its group's number cannot be taken by others, so this hits only
  // what it left behind.
  ::kill(-pid_, SIGKILL);
  // What it wrote is in the pipes, at most 1 MiB each; a stranger that holds the other end may
  // write for ever.
  for (int i = 0; i < 16 && output_.valid() && TakeOutput(output_, false); ++i) {
  }
  for (int i = 0; i < 16 && errors_.valid() && TakeOutput(errors_, true); ++i) {
  }
  lines_.Finish();
  int status = 0;
  rusage usage{};
  while (::wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  result_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  result_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  result_.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  result_.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  const uint64_t peak = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  result_.max_rss_bytes = peak > inherited_rss_ ? peak : std::min(peak, seen_rss_);
  return std::move(result_);
}

}  // namespace

std::string ChildResult::Describe() const {
  std::string how =
      signal == 0 ? fmt::format("exit {}", exit_code) : fmt::format("killed by signal {}", signal);
  if (timed_out) {
    return fmt::format("timed out after {:.1f} s, {}", wall_seconds, how);
  }
  if (cancelled) {
    return fmt::format("cancelled after {:.1f} s, {}", wall_seconds, how);
  }
  return signal == SIGKILL ? how + " (out of memory?)" : how;
}

Result<ChildResult> RunChild(const ChildOptions& options,
                             const std::function<void(std::string_view)>& on_line,
                             const std::stop_token& stop) {
  if (options.argv.empty()) {
    return Status::InvalidArgument("start child: an empty command");
  }
  const Fd stop_event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event.valid()) {
    return ErrnoStatus(errno, "make", "an event to stop a child");
  }
  const std::stop_callback on_stop(stop, [&stop_event] {
    const uint64_t one = 1;
    static_cast<void>(!::write(stop_event.get(), &one, sizeof(one)));
  });
  Running child(options, on_line);
  HOEGO_TRY(child.Start());
  HOEGO_TRY(child.Watch(stop_event));
  return child.Finish();
}

}  // namespace hoego
