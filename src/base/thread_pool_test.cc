#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/disk.h"
#include "base/internal/cgroup.h"

namespace hoego {
namespace {

TEST(ThreadPoolTest, DoesEverythingSubmittedBeforeItEnds) {
  std::atomic<int> done{0};
  {
    ThreadPool pool(3);
    EXPECT_EQ(pool.size(), 3U);
    for (int i = 0; i < 1000; ++i) {
      pool.Submit([&done] { ++done; });
    }
  }
  EXPECT_EQ(done, 1000);
}

TEST(ThreadPoolTest, ATaskMaySubmitATask) {
  std::atomic<int> done{0};
  {
    ThreadPool pool(1);
    pool.Submit([&] { pool.Submit([&] { ++done; }); });
  }
  EXPECT_EQ(done, 1);
}

TEST(ThreadPoolTest, ParallelForCoversEachIndexOnce) {
  for (const size_t threads : {1U, 2U, 5U}) {
    ThreadPool pool(threads);
    for (const size_t n : {0U, 1U, 2U, 7U, 100U, 1000U, 1001U}) {
      for (const size_t grain : {0U, 1U, 3U, 7U, 100U, 5000U}) {
        std::vector<std::atomic<int>> hits(n);
        std::atomic<bool> shape_ok{true};
        pool.ParallelFor(n, grain, [&](size_t begin, size_t end, size_t worker) {
          const size_t step = std::max<size_t>(grain, 1);
          shape_ok = shape_ok && begin % step == 0 && end == std::min(n, begin + step) &&
                     worker <= pool.size();
          for (size_t i = begin; i < end; ++i) {
            ++hits[i];
          }
        });
        ASSERT_TRUE(shape_ok);
        for (const auto& hit : hits) {
          ASSERT_EQ(hit, 1) << threads << " " << n << " " << grain;
        }
      }
    }
  }
}

// Scratch memory by worker is never used by two bodies at once: unguarded sums come out right (and
// TSan is silent).
TEST(ThreadPoolTest, AWorkersScratchIsItsOwn) {
  ThreadPool pool(4);
  for (int round = 0; round < 50; ++round) {
    std::vector<uint64_t> scratch(pool.size() + 1);
    pool.ParallelFor(10'000, 7, [&](size_t begin, size_t end, size_t worker) {
      for (size_t i = begin; i < end; ++i) {
        scratch[worker] += i;
      }
    });
    ASSERT_EQ(std::accumulate(scratch.begin(), scratch.end(), uint64_t{0}), 10'000ULL * 9'999 / 2);
  }
}

TEST(ThreadPoolTest, NoMoreBodiesRunAtOnceThanThePoolIsMadeFor) {
  for (const size_t threads : {1U, 2U, 3U}) {
    ThreadPool pool(threads);
    std::atomic<size_t> running{0};
    std::atomic<size_t> most{0};
    pool.ParallelFor(2'000, 1, [&](size_t, size_t, size_t) {
      const size_t now = ++running;
      for (size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
      }
      std::this_thread::yield();  // so that the others get in, were there more
      --running;
    });
    EXPECT_LE(most, threads);
  }
}

TEST(ThreadPoolTest, AsManyBodiesRunAtOnceAsThePoolIsMadeFor) {
  for (const size_t threads : {1U, 2U, 3U}) {
    ThreadPool pool(threads);
    std::atomic<size_t> arrived{0};
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    pool.ParallelFor(threads, 1, [&](size_t, size_t, size_t) {
      ++arrived;
      while (arrived < threads && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();  // for the others: all must be here at the same time
      }
    });
    EXPECT_LT(std::chrono::steady_clock::now(), deadline) << threads;
  }
}

TEST(ThreadPoolTest, SeveralCallersMayLoopAtOnce) {
  ThreadPool pool(2);
  std::vector<std::thread> callers;
  std::atomic<uint64_t> total{0};
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        pool.ParallelFor(500, 3, [&](size_t begin, size_t end, size_t) { total += end - begin; });
      }
    });
  }
  for (std::thread& caller : callers) {
    caller.join();
  }
  EXPECT_EQ(total, 4U * 20 * 500);
}

TEST(ThreadPoolTest, ParallelForNeedsNoFreeThread) {
  std::promise<void> release;
  std::promise<void> busy;
  std::future<void> released = release.get_future();
  ThreadPool pool(1);  // ends first: its task uses the others
  pool.Submit([&] {
    busy.set_value();
    released.wait();
  });
  busy.get_future().wait();
  size_t covered = 0;
  pool.ParallelFor(100, 10, [&](size_t begin, size_t end, size_t worker) {
    EXPECT_EQ(worker, pool.size());
    covered += end - begin;
  });
  EXPECT_EQ(covered, 100U);
  release.set_value();
}

TEST(ThreadPoolTest, StopHandsOutNoFurtherChunk) {
  ThreadPool pool(2);
  std::stop_source stop;
  std::atomic<size_t> chunks{0};
  pool.ParallelFor(
      1'000'000, 1,
      [&](size_t, size_t, size_t) {
        if (++chunks == 10) {
          stop.request_stop();
        }
      },
      stop.get_token());
  EXPECT_GE(chunks, 10U);
  EXPECT_LE(chunks, 10U + pool.size() + 1);  // those under way finish
  chunks = 0;
  pool.ParallelFor(
      100, 1, [&](size_t, size_t, size_t) { ++chunks; }, stop.get_token());
  EXPECT_EQ(chunks, 0U);
}

TEST(ThreadPoolDeathTest, AnExceptionEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ThreadPool pool(1);
        pool.ParallelFor(10, 1, [](size_t, size_t, size_t) { throw 1; });
      },
      "");
}

TEST(UsableCoresTest, IsAtLeastOneAndAtMostTheMachines) {
  EXPECT_GE(UsableCores(), 1U);
  EXPECT_LE(UsableCores(), std::max(1U, std::thread::hardware_concurrency()));
  EXPECT_EQ(ThreadPool(0).size(), UsableCores());
}

TEST(UsableCoresTest, HonoursTheThreadsAffinity) {
  std::thread([] {
    cpu_set_t mask;
    ASSERT_EQ(::sched_getaffinity(0, sizeof(mask), &mask), 0);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
      if (CPU_ISSET(cpu, &mask)) {
        CPU_SET(cpu, &one);
      }
    }
    ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(UsableCores(), 1U);
  }).join();
}

class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = JoinPath(testing::TempDir(), "hoego_cgroup_XXXXXX");
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void Put(const std::string& path, std::string_view text) {
    const std::string full = JoinPath(root_, path);
    ASSERT_TRUE(RealDisk().MakeFolder(full.substr(0, full.find_last_of('/'))).ok());
    ASSERT_TRUE(WriteFileAtomically(RealDisk(), full, text).ok());
  }
  std::string root_;
};

TEST_F(CgroupTest, TheSmallestQuotaOnTheWayUpCounts) {
  EXPECT_EQ(internal::CgroupCores(root_), std::nullopt);
  Put("proc/self/cgroup", "0::/slice/service\n");
  Put("sys/fs/cgroup/slice/service/cpu.max", "max 100000\n");
  EXPECT_EQ(internal::CgroupCores(root_), std::nullopt);
  Put("sys/fs/cgroup/slice/cpu.max", "250000 100000\n");
  EXPECT_EQ(internal::CgroupCores(root_), 2.5);
  Put("sys/fs/cgroup/slice/service/cpu.max", "50000 100000\n");
  EXPECT_EQ(internal::CgroupCores(root_), 0.5);
}

TEST_F(CgroupTest, InAContainerTheMountsRootCounts) {
  Put("proc/self/cgroup", "0::/\n");
  Put("sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_EQ(internal::CgroupCores(root_), 1.5);
  Put("proc/self/cgroup", "0::/a/path/of/the/host\n");
  EXPECT_EQ(internal::CgroupCores(root_), 1.5);
}

TEST_F(CgroupTest, ReadsVersionOne) {
  Put("proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/x\n");
  Put("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "300000\n");
  Put("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(internal::CgroupCores(root_), 3.0);
  Put("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(internal::CgroupCores(root_), std::nullopt);
}

}  // namespace
}  // namespace hoego
