#pragma once

// What every Database promises about transactions, values and statements.

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "storage/database_fixture.h"

namespace hoego::storage {

template <class Factory>
class DatabaseContract : public DatabaseFixture<Factory> {};

TYPED_TEST_SUITE_P(DatabaseContract);

TYPED_TEST_P(DatabaseContract, KeepsWhatWasAcknowledgedWhenOpenedAgain) {
  ASSERT_TRUE(this->Add(1, "films", 7).ok());
  this->Reopen();
  EXPECT_EQ(this->Number("SELECT size FROM parent WHERE name = ?", {std::string("films")}), 7);
  EXPECT_TRUE(this->database_->Check().ok());
}

TYPED_TEST_P(DatabaseContract, UndoesAllOfAWriteThatFails) {
  const Status status = this->database_->Write([&](Transaction& t) {
    EXPECT_TRUE(this->AddParent(t, 1, "a").ok());
    EXPECT_TRUE(this->AddParent(t, 2, "b").ok());
    return Status::OutOfRange("enough");
  });
  EXPECT_EQ(status.code(), Code::kOutOfRange);
  EXPECT_EQ(status.message(), "enough");
  EXPECT_EQ(this->Parents(), 0);
}

TYPED_TEST_P(DatabaseContract, ShowsOthersNothingBeforeTheCommit) {
  ASSERT_TRUE(this->database_
                  ->Write([&](Transaction& t) {
                    HOEGO_TRY(this->AddParent(t, 1, "a"));
                    int64_t own = 0;
                    HOEGO_TRY(t.Query("SELECT count(*) FROM parent", {}, [&](const Row& row) {
                      own = row.Int(0);
                      return Status{};
                    }));
                    EXPECT_EQ(own, 1);
                    EXPECT_EQ(this->Parents(), 0);
                    return Status{};
                  })
                  .ok());
  EXPECT_EQ(this->Parents(), 1);
}

TYPED_TEST_P(DatabaseContract, CountsTheRowsChanged) {
  ASSERT_TRUE(this->Add(1, "a", 1).ok());
  ASSERT_TRUE(this->Add(2, "b", 1).ok());
  const std::vector<Value> sizes = {int64_t{5}, int64_t{1}};
  const std::vector<Value> again = {int64_t{1}, std::string("a")};
  ASSERT_TRUE(
      this->database_
          ->Write([&](Transaction& t) {
            EXPECT_EQ(t.Execute("UPDATE parent SET size = ? WHERE size = ?", sizes).value(), 2);
            EXPECT_EQ(t.Execute("UPDATE parent SET size = ? WHERE size = ?", sizes).value(), 0);
            EXPECT_EQ(
                t.Execute("INSERT INTO parent (id, name) VALUES (?, ?) ON CONFLICT DO NOTHING",
                          again)
                    .value(),
                0);
            EXPECT_EQ(t.Execute("DELETE FROM parent WHERE id > 0", {}).value(), 2);
            return Status{};
          })
          .ok());
}

TYPED_TEST_P(DatabaseContract, NamesTheViolatedConstraint) {
  ASSERT_TRUE(this->Add(1, "a").ok());
  EXPECT_EQ(this->Add(1, "b").code(), Code::kAlreadyExists);
  const Status taken = this->Add(2, "a");
  EXPECT_EQ(taken.code(), Code::kAlreadyExists);
  EXPECT_NE(taken.message().find("parent"), std::string_view::npos) << taken.ToString();
  EXPECT_EQ(this->Add(3, "c", -1).code(), Code::kInvalidArgument);
  EXPECT_EQ(this->Run("INSERT INTO parent (id, name) VALUES (?, ?)", {int64_t{4}, Value()}).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(this->Run("INSERT INTO child (parent) VALUES (?)", {int64_t{9}}).code(),
            Code::kFailedPrecondition);
  ASSERT_TRUE(this->Run("INSERT INTO child (parent) VALUES (?)", {int64_t{1}}).ok());
  EXPECT_EQ(this->Run("DELETE FROM parent WHERE id = ?", {int64_t{1}}).code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(this->Parents(), 1);
}

TYPED_TEST_P(DatabaseContract, GivesValuesBackAsTheyWere) {
  ASSERT_TRUE(
      this->Add(std::numeric_limits<int64_t>::min(), "least", std::numeric_limits<int64_t>::max())
          .ok());
  EXPECT_EQ(this->Number("SELECT id FROM parent"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(this->Number("SELECT size FROM parent"), std::numeric_limits<int64_t>::max());
  const std::vector<double> reals = {0.1,
                                     1e308,
                                     5e-324,
                                     -1.5,
                                     3.0,
                                     std::numeric_limits<double>::infinity(),
                                     -std::numeric_limits<double>::infinity()};
  const std::vector<std::string> words = {"", "회고", "it's \"quoted\" ? %", "line\nline\ttab",
                                          std::string(100'000, 'x')};
  for (const double real : reals) {
    for (const std::string& word : words) {
      ASSERT_TRUE(this->Run("DELETE FROM child", {}).ok());
      ASSERT_TRUE(this->Run("INSERT INTO child (parent, real, words) VALUES (?, ?, ?)",
                            {std::numeric_limits<int64_t>::min(), real, word})
                      .ok());
      const Status read =
          this->database_->Query("SELECT real, words, parent FROM child", {}, [&](const Row& row) {
            EXPECT_FALSE(row.IsNull(0));
            EXPECT_EQ(row.Real(0), real);
            EXPECT_EQ(row.Text(1), word);
            EXPECT_EQ(row.Int(2), std::numeric_limits<int64_t>::min());
            return Status{};
          });
      ASSERT_TRUE(read.ok());
    }
  }
  ASSERT_TRUE(this->Run("UPDATE child SET real = ?, words = ?", {Value(), Value()}).ok());
  EXPECT_EQ(this->Number("SELECT count(*) FROM child WHERE real IS NULL AND words IS NULL"), 1);
}

TYPED_TEST_P(DatabaseContract, RefusesStatementsThatDoNotBelong) {
  EXPECT_FALSE(this->Run("SELECT 1").ok());
  EXPECT_FALSE(this->Run("BEGIN").ok());
  EXPECT_FALSE(this->Run("COMMIT").ok());
  EXPECT_FALSE(this->Run("DROP TABLE child").ok());
  EXPECT_FALSE(this->Run("DELETE FROM child; DELETE FROM parent").ok());
  EXPECT_FALSE(this->Run("").ok());
  EXPECT_FALSE(this->Run("DELETE FROM nowhere").ok());
  EXPECT_FALSE(this->Run("DELETE FROM child WHERE parent = ?").ok());
  EXPECT_FALSE(this->Run("DELETE FROM child WHERE parent = ?", {int64_t{1}, int64_t{2}}).ok());
  const auto none = [](const Row&) { return Status{}; };
  EXPECT_FALSE(this->database_->Query("DELETE FROM child", {}, none).ok());
  EXPECT_FALSE(
      this->database_->Query("INSERT INTO parent (id, name) VALUES (1, 'x') RETURNING id", {}, none)
          .ok());
  EXPECT_FALSE(this->database_->Query("SELECT 1; SELECT 2", {}, none).ok());
  EXPECT_EQ(this->Parents(), 0);
}

TYPED_TEST_P(DatabaseContract, RefusesValuesThatWouldChange) {
  const auto with = [&](Value real, Value words) {
    return this
        ->Run("INSERT INTO child (parent, real, words) VALUES (?, ?, ?)",
              {int64_t{1}, std::move(real), std::move(words)})
        .code();
  };
  ASSERT_TRUE(this->Add(1, "a").ok());
  EXPECT_EQ(with(std::numeric_limits<double>::quiet_NaN(), std::string("x")),
            Code::kInvalidArgument);
  EXPECT_EQ(with(1.0, std::string("a\0b", 3)), Code::kInvalidArgument);
  EXPECT_EQ(with(1.0, std::string("\xff\xfe")), Code::kInvalidArgument);
  EXPECT_EQ(with(1.0, std::string("a")), Code::kOk);
}

TYPED_TEST_P(DatabaseContract, StopsAtAVisitorsFailure) {
  for (int64_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(this->Add(i, std::to_string(i)).ok());
  }
  int seen = 0;
  const Status status = this->database_->Query(
      "SELECT id FROM parent ORDER BY id", {},
      [&](const Row&) { return ++seen == 2 ? Status::Cancelled("two are enough") : Status{}; });
  EXPECT_EQ(status.code(), Code::kCancelled);
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(this->Parents(), 5);
}

TYPED_TEST_P(DatabaseContract, GivesRowsBackFromAChange) {
  ASSERT_TRUE(this->Add(1, "counter", 41).ok());
  int64_t next = 0;
  const std::vector<Value> name = {std::string("counter")};
  ASSERT_TRUE(this->database_
                  ->Write([&](Transaction& t) {
                    return t.Query(
                        "UPDATE parent SET size = size + 1 WHERE name = ? RETURNING size", name,
                        [&](const Row& row) {
                          next = row.Int(0);
                          return Status{};
                        });
                  })
                  .ok());
  EXPECT_EQ(next, 42);
  EXPECT_EQ(this->Number("SELECT size FROM parent"), 42);
}

REGISTER_TYPED_TEST_SUITE_P(DatabaseContract, KeepsWhatWasAcknowledgedWhenOpenedAgain,
                            UndoesAllOfAWriteThatFails, ShowsOthersNothingBeforeTheCommit,
                            CountsTheRowsChanged, NamesTheViolatedConstraint,
                            GivesValuesBackAsTheyWere, RefusesStatementsThatDoNotBelong,
                            RefusesValuesThatWouldChange, StopsAtAVisitorsFailure,
                            GivesRowsBackFromAChange);

}  // namespace hoego::storage
