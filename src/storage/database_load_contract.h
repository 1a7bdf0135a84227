#pragma once

// What every Database promises under many threads and random use.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "storage/database_fixture.h"

namespace hoego::storage {

template <class Factory>
class DatabaseLoadContract : public DatabaseFixture<Factory> {};

TYPED_TEST_SUITE_P(DatabaseLoadContract);

TYPED_TEST_P(DatabaseLoadContract, LetsAVisitorAskAgain) {
  for (int64_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(this->Add(i, std::to_string(i)).ok());
  }
  std::atomic<int> leaves = 0;
  const auto ask = [&](auto&& self, int depth) -> Status {
    return this->database_->Query("SELECT id FROM parent", {}, [&](const Row&) {
      if (depth == 0) {
        ++leaves;
        return Status{};
      }
      return self(self, depth - 1);
    });
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 12; ++i) {
      threads.emplace_back([&] { EXPECT_TRUE(ask(ask, 2).ok()); });
    }
  }
  EXPECT_EQ(leaves, 12 * 27);
}

// Money moves between two rows; no reader ever sees it half moved, no writer is ever refused,
// failures undo only themselves.
TYPED_TEST_P(DatabaseLoadContract, ServesManyWritersAndReadersWithoutOneRefusal) {
  constexpr int kWriters = 8;
  constexpr int kEach = 40;
  ASSERT_TRUE(this->Add(1, "a", 1'000).ok());
  ASSERT_TRUE(this->Add(2, "b", 0).ok());
  std::atomic<bool> done = false;
  std::atomic<int> moved = 0;
  {
    std::vector<std::jthread> readers;
    for (int r = 0; r < 3; ++r) {
      readers.emplace_back([&] {
        while (!done) {
          EXPECT_EQ(this->Number("SELECT sum(size) FROM parent WHERE id < 10"), 1'000);
        }
      });
    }
    {
      std::vector<std::jthread> writers;
      for (int w = 0; w < kWriters; ++w) {
        writers.emplace_back([&, w] {
          for (int i = 0; i < kEach; ++i) {
            const bool fails = (w + i) % 3 == 0;
            const Status status = this->database_->Write([&](Transaction& t) {
              HOEGO_TRY(t.Execute("UPDATE parent SET size = size - 1 WHERE id = 1", {}).status());
              HOEGO_TRY(t.Execute("UPDATE parent SET size = size + 1 WHERE id = 2", {}).status());
              return fails ? Status::Cancelled("on purpose") : Status{};
            });
            EXPECT_EQ(status.code(), fails ? Code::kCancelled : Code::kOk) << status.ToString();
            moved += status.ok() ? 1 : 0;
          }
        });
      }
    }
    done = true;
  }
  EXPECT_EQ(this->Number("SELECT size FROM parent WHERE id = 2"), moved);
}

// Random transactions, some of which give up half-way, against a std::map that keeps only what was
// acknowledged.
TYPED_TEST_P(DatabaseLoadContract, AgreesWithAMapAfterRandomTransactions) {
  using Step = std::tuple<uint8_t, uint8_t, int16_t>;  // key, what, value
  const bool held = rc::check(
      "a map", [this](const std::vector<std::pair<std::vector<Step>, bool>>& transactions) {
        std::map<int64_t, int64_t> twin;
        RC_ASSERT(this->Run("DELETE FROM child").ok());
        RC_ASSERT(this->Run("DELETE FROM parent").ok());
        for (const auto& transaction : transactions) {
      const std::vector<Step>& steps = transaction.first;
      const bool gives_up = transaction.second;
          std::map<int64_t, int64_t> next = twin;
          bool clashed = false;
          const Status status = this->database_->Write([&](Transaction& t) {
            for (const auto& [key, what, value] : steps) {
              const int64_t id = key % 8;
              const int64_t size = std::abs(int64_t{value});
              if (what % 3 == 0) {
                clashed = next.contains(id);
                next[id] = size;
                HOEGO_TRY(this->AddParent(t, id, std::to_string(id), size));
              } else if (what % 3 == 1) {
                const std::vector<Value> values = {size, id};
                HOEGO_TRY_ASSIGN(const int64_t n,
                                 t.Execute("UPDATE parent SET size = ? WHERE id = ?", values));
                EXPECT_EQ(n == 1, next.contains(id));
                if (n == 1) {
                  next[id] = size;
                }
              } else {
                const std::vector<Value> values = {id};
                HOEGO_TRY_ASSIGN(const int64_t n,
                                 t.Execute("DELETE FROM parent WHERE id = ?", values));
                EXPECT_EQ(static_cast<size_t>(n), next.erase(id));
              }
            }
            return gives_up ? Status::Cancelled("gives up") : Status{};
          });
          RC_ASSERT(status.code() == (clashed    ? Code::kAlreadyExists
                                      : gives_up ? Code::kCancelled
                                                 : Code::kOk));
          if (status.ok()) {
            twin = next;
          }
        }
        std::map<int64_t, int64_t> held_rows;
        RC_ASSERT(this->database_
                      ->Query("SELECT id, size FROM parent", {},
                              [&](const Row& row) {
                                held_rows[row.Int(0)] = row.Int(1);
                                return Status{};
                              })
                      .ok());
        RC_ASSERT(held_rows == twin);
      });
  EXPECT_TRUE(held);
}

REGISTER_TYPED_TEST_SUITE_P(DatabaseLoadContract, LetsAVisitorAskAgain,
                            ServesManyWritersAndReadersWithoutOneRefusal,
                            AgreesWithAMapAfterRandomTransactions);

}  // namespace hoego::storage
