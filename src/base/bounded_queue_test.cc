#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace hoego {
namespace {

TEST(BoundedQueueTest, SaysNoWhenFull) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_TRUE(queue.TryPush(2));
  EXPECT_FALSE(queue.TryPush(3));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.PopSome(1), (std::vector<int>{1}));
  EXPECT_TRUE(queue.TryPush(4));
  EXPECT_EQ(queue.PopSome(10), (std::vector<int>{2, 4}));
}

TEST(BoundedQueueTest, DrainsAfterItIsClosed) {
  BoundedQueue<std::unique_ptr<int>> queue(4);
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(7)));
  queue.Close();
  EXPECT_FALSE(queue.TryPush(std::make_unique<int>(8)));
  EXPECT_EQ(*queue.PopSome(4).at(0), 7);
  EXPECT_TRUE(queue.PopSome(4).empty());
}

TEST(BoundedQueueTest, CloseWakesAWaitingConsumer) {
  BoundedQueue<int> queue(1);
  std::thread consumer([&queue] { EXPECT_TRUE(queue.PopSome(1).empty()); });
  queue.Close();
  consumer.join();
}

TEST(BoundedQueueTest, HandsEachElementToOneConsumer) {
  BoundedQueue<int> queue(16);
  constexpr int kEach = 5000;
  std::vector<std::atomic<int>> taken(3 * kEach);
  std::vector<std::thread> consumers;
  for (int c = 0; c < 3; ++c) {
    consumers.emplace_back([&] {
      for (std::vector<int> some = queue.PopSome(5); !some.empty(); some = queue.PopSome(5)) {
        EXPECT_LE(some.size(), 5U);
        for (const int i : some) {
          ++taken[static_cast<size_t>(i)];
        }
      }
    });
  }
  std::vector<std::thread> producers;
  for (int p = 0; p < 3; ++p) {
    producers.emplace_back([&, p] {
      for (int i = 0; i < kEach; ++i) {
        while (!queue.TryPush(p * kEach + i)) {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& producer : producers) {
    producer.join();
  }
  queue.Close();
  for (std::thread& consumer : consumers) {
    consumer.join();
  }
  for (const auto& n : taken) {
    ASSERT_EQ(n, 1);
  }
}

}  // namespace
}  // namespace hoego
