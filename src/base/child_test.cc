#include "base/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/disk.h"
#include "base/text.h"

namespace hoego {
namespace {

using std::chrono::milliseconds;

ChildOptions Shell(std::string script) {
  ChildOptions options;
  options.argv = {"/bin/sh", "-c", std::move(script)};
  return options;
}

struct Outcome {
  ChildResult result;
  std::vector<std::string> lines;
};

Outcome RunToEnd(const ChildOptions& options, const std::stop_token& stop = {}) {
  Outcome outcome;
  auto result = RunChild(
      options, [&](std::string_view line) { outcome.lines.emplace_back(line); }, stop);
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  outcome.result = result.value_or(ChildResult{});
  return outcome;
}

using Lines = std::vector<std::string>;

TEST(ChildTest, GivesLinesAndTheExitCode) {
  const Outcome o = RunToEnd(Shell("echo one; echo; echo two; printf last; echo oops >&2; exit 7"));
  EXPECT_EQ(o.lines, (Lines{"one", "", "two", "last"}));
  EXPECT_EQ(o.result.exit_code, 7);
  EXPECT_EQ(o.result.signal, 0);
  EXPECT_EQ(o.result.error_tail, "oops\n");
  EXPECT_EQ(o.result.Describe(), "exit 7");
  EXPECT_FALSE(o.result.timed_out || o.result.cancelled);
  EXPECT_GT(o.result.wall_seconds, 0);
}

TEST(ChildTest, ReportsTheSignalThatEndedIt) {
  EXPECT_EQ(RunToEnd(Shell("kill -SEGV $$")).result.Describe(), "killed by signal 11");
  EXPECT_EQ(RunToEnd(Shell("kill -KILL $$")).result.Describe(),
            "killed by signal 9 (out of memory?)");
}

TEST(ChildTest, SaysWhyAChildCouldNotStart) {
  ChildOptions options;
  EXPECT_EQ(RunChild(options, {}, {}).status().code(), Code::kInvalidArgument);
  options.argv = {"/no/such/program"};
  EXPECT_EQ(RunChild(options, {}, {}).status().message(),
            "start child /no/such/program: No such file or directory");
  options.argv = {"/etc/passwd"};
  EXPECT_EQ(RunChild(options, {}, {}).status().code(), Code::kPermissionDenied);
  options = Shell("true");
  options.folder = "/no/such/folder";
  EXPECT_EQ(RunChild(options, {}, {}).status().message(),
            "start child: enter folder /no/such/folder: No such file or directory");
}

TEST(ChildTest, SetsFolderEnvironmentNicenessAndEmptyInput) {
  ASSERT_EQ(::setenv("HOEGO_TEST_KEPT", "kept", 1), 0);
  ASSERT_EQ(::setenv("HOEGO_TEST_REPLACED", "ours", 1), 0);
  ChildOptions options =
      Shell("pwd; echo $HOEGO_TEST_KEPT $HOEGO_TEST_REPLACED $HOEGO_TEST_NEW; nice; cat; echo end");
  options.folder = "/";
  options.env = {"HOEGO_TEST_REPLACED=theirs", "HOEGO_TEST_NEW=new"};
  options.nice = 7;
  EXPECT_EQ(RunToEnd(options).lines, (Lines{"/", "kept theirs new", "7", "end"}));
}

// Each word a line of /proc/self/status would show it: nothing blocked, SIGPIPE not ignored, our
// descriptors closed.
TEST(ChildTest, StartsWithFreshSignalsAndNoDescriptorOfOurs) {
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  const int leaky = ::open("/dev/null", O_RDONLY);  // as a library may, without O_CLOEXEC
  const Outcome o =
      RunToEnd(Shell("grep -E 'SigBlk|SigIgn' /proc/self/status; ls /proc/self/fd | wc -l"));
  ::signal(SIGPIPE, before);
  ::close(leaky);
  ASSERT_EQ(o.lines.size(), 3U);
  EXPECT_EQ(Split(o.lines[0], '\t').back(), "0000000000000000");
  const uint64_t ignored =
      std::strtoull(std::string(Split(o.lines[1], '\t').back()).c_str(), nullptr, 16);
  EXPECT_EQ(ignored >> (SIGPIPE - 1) & 1, 0U);
  EXPECT_EQ(o.lines[2], "4");  // in, out, error, and the folder that ls reads
}

TEST(ChildTest, ATimeoutEndsIt) {
  ChildOptions options = Shell("echo started; exec sleep 1000");
  options.timeout = milliseconds(50);
  const Outcome o = RunToEnd(options);
  EXPECT_TRUE(o.result.timed_out);
  EXPECT_FALSE(o.result.cancelled);
  EXPECT_EQ(o.result.signal, SIGTERM);
  EXPECT_EQ(o.result.Describe().substr(0, 15), "timed out after");
}

TEST(ChildTest, OneThatIgnoresSigtermIsKilled) {
  ChildOptions options = Shell("trap '' TERM; echo ready; while :; do sleep 1000; done");
  options.grace = milliseconds(50);
  std::stop_source stop;
  Lines lines;
  const auto result = RunChild(
      options,
      [&](std::string_view line) {
        lines.emplace_back(line);
        stop.request_stop();
      },
      stop.get_token());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(lines, (Lines{"ready"}));
  EXPECT_TRUE(result->cancelled);
  EXPECT_FALSE(result->timed_out);
  EXPECT_EQ(result->signal, SIGKILL);
}

TEST(ChildTest, AStopFromAnotherThreadEndsIt) {
  std::stop_source stop;
  std::thread stopper;
  const auto result = RunChild(
      Shell("echo ready; exec sleep 1000"),
      [&](std::string_view) { stopper = std::thread([&stop] { stop.request_stop(); }); },
      stop.get_token());
  stopper.join();
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->cancelled);
  EXPECT_EQ(result->signal, SIGTERM);
}

TEST(ChildTest, AStopAskedForBeforeEndsItAtOnce) {
  std::stop_source stop;
  stop.request_stop();
  const Outcome o = RunToEnd(Shell("exec sleep 1000"), stop.get_token());
  EXPECT_TRUE(o.result.cancelled);
}

TEST(ChildTest, ATidyChildMayAnswerSigtermWithAnExitCode) {
  std::stop_source stop;
  const auto result = RunChild(
      Shell("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done"),
      [&](std::string_view) { stop.request_stop(); }, stop.get_token());
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->cancelled);
  EXPECT_EQ(result->exit_code, 3);
}

bool Alive(pid_t pid) {
  // A zombie waits only for its reaper.
  const auto stat = ReadWholeFile(RealDisk(), fmt::format("/proc/{}/stat", pid));
  return stat.ok() && stat->find(") Z ") == std::string::npos &&
         stat->find(") X ") == std::string::npos;
}

// Its grandchild holds the output open and would live on; RunChild neither waits for it nor leaves
// it behind.
TEST(ChildTest, LeavesNothingOfItsProcessGroup) {
  const Outcome o = RunToEnd(Shell("sleep 1000 & echo $!; exit 0"));
  ASSERT_EQ(o.lines.size(), 1U);
  EXPECT_EQ(o.result.exit_code, 0);
  const auto pid = static_cast<pid_t>(ParseInt(o.lines[0]).value_or(0));
  ASSERT_GT(pid, 0);
  while (Alive(pid)) {  // SIGKILL was sent; the kernel takes a moment to act
    std::this_thread::yield();
  }
}

TEST(ChildTest, MemoryBeyondTheLimitFails) {
  ChildOptions options = Shell("x=0123456789abcdef; while :; do x=$x$x; done");
  options.memory_bytes = 64 << 20;
  const Outcome o = RunToEnd(options);
  EXPECT_TRUE(o.result.exit_code != 0 || o.result.signal != 0) << o.result.Describe();
  EXPECT_LE(o.result.max_rss_bytes, options.memory_bytes);
}

TEST(ChildTest, MeasuresMemoryAndCpu) {
  // About 16 MiB of shell variable and some computing, then a line, after which its memory is
  // looked at.
  const Outcome o = RunToEnd(
      Shell("x=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
            "x=$x$x; done; echo done; sleep 0.6"));
  EXPECT_EQ(o.lines, (Lines{"done"}));
  EXPECT_GT(o.result.max_rss_bytes, 16U << 20);
  EXPECT_LT(o.result.max_rss_bytes, 200U << 20);
  EXPECT_GT(o.result.cpu_seconds, 0);
}

TEST(ChildTest, CutsLongLinesAndKeepsTheTailOfErrors) {
  ChildOptions options = Shell(
      "i=0; while [ $i -lt 3000 ]; do echo \"error line $i\" >&2; i=$((i+1)); done; echo "
      "123456789; echo ok");
  options.max_line_bytes = 4;
  const Outcome o = RunToEnd(options);
  EXPECT_EQ(o.lines, (Lines{"1234", "ok"}));
  EXPECT_EQ(o.result.error_tail.size(), 8U << 10);
  EXPECT_TRUE(o.result.error_tail.ends_with("error line 2999\n"));
}

// More than the pipes hold, on both at once, read by a slow reader: nothing is lost and nothing
// hangs.
TEST(ChildTest, TakesMuchOutputOnBothPipes) {
  const Outcome o =
      RunToEnd(Shell("i=0; while [ $i -lt 20000 ]; do echo \"line $i of the output\"; "
                     "echo \"line $i of the errors\" >&2; i=$((i+1)); done"));
  ASSERT_EQ(o.lines.size(), 20'000U);
  EXPECT_EQ(o.lines.back(), "line 19999 of the output");
  EXPECT_TRUE(o.result.error_tail.ends_with("line 19999 of the errors\n"));
}

TEST(ChildTest, MayBeStartedByManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 5; ++i) {
        const Outcome o = RunToEnd(Shell(fmt::format("echo {}; exit {}", t, t)));
        EXPECT_EQ(o.lines, (Lines{std::to_string(t)}));
        EXPECT_EQ(o.result.exit_code, t);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace hoego
