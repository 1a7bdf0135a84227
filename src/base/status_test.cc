#include "base/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace hoego {
namespace {

Status FailWhen(bool fail, int& calls) {
  ++calls;
  return fail ? Status::NotFound("nothing here") : Status{};
}

Status TwoSteps(bool first_fails, int& calls) {
  HOEGO_TRY(FailWhen(first_fails, calls));
  HOEGO_TRY(FailWhen(false, calls));
  return {};
}

Result<std::unique_ptr<int>> MakeBox(int n) {
  if (n < 0) {
    return Status::OutOfRange("below zero");
  }
  return std::make_unique<int>(n);
}

Result<int> SumOfBoxes(int a, int b) {
  HOEGO_TRY_ASSIGN(const std::unique_ptr<int> x, MakeBox(a));
  HOEGO_TRY_ASSIGN(const std::unique_ptr<int> y, MakeBox(b));
  return *x + *y;
}

TEST(StatusTest, IsOnePointerWideAndFineByDefault) {
  static_assert(sizeof(Status) == sizeof(void*));
  const Status fine;
  EXPECT_TRUE(fine.ok());
  EXPECT_EQ(fine.code(), Code::kOk);
  EXPECT_EQ(fine.ToString(), "ok");
  EXPECT_EQ(fine.message(), "");
}

TEST(StatusTest, CarriesCodeAndMessage) {
  const Status s = Status::NotFound("no model films/9");
  EXPECT_FALSE(s.ok());
  EXPECT_EQ(s.code(), Code::kNotFound);
  EXPECT_EQ(s.ToString(), "not_found: no model films/9");
}

TEST(StatusTest, CopiesAreIndependentAndMovesTake) {
  Status a = Status::Internal("x");
  const Status b = a;
  a = Status{};
  EXPECT_TRUE(a.ok());
  EXPECT_EQ(b.message(), "x");
  Status c = b;
  const Status d = std::move(c);
  EXPECT_EQ(d.message(), "x");
}

TEST(StatusTest, GainsContextGoingUp) {
  EXPECT_EQ(
      Status::DataLoss("bad checksum").Within("read manifest").Within("load model 12").ToString(),
      "data_loss: load model 12: read manifest: bad checksum");
  EXPECT_TRUE(Status{}.Within("anything").ok());
}

TEST(StatusTest, EveryCodeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i <= 16; ++i) {
    names.insert(CodeName(static_cast<Code>(i)));
  }
  EXPECT_EQ(names.size(), 17U);
}

// The numbers of google.rpc.Code, which the edges rely on.
TEST(StatusTest, CodesAreThoseOfGrpc) {
  EXPECT_EQ(static_cast<int>(Code::kInvalidArgument), 3);
  EXPECT_EQ(static_cast<int>(Code::kResourceExhausted), 8);
  EXPECT_EQ(static_cast<int>(Code::kUnavailable), 14);
  EXPECT_EQ(static_cast<int>(Code::kUnauthenticated), 16);
}

TEST(StatusTest, TryLeavesAtTheFirstFailure) {
  int calls = 0;
  EXPECT_EQ(TwoSteps(true, calls).code(), Code::kNotFound);
  EXPECT_EQ(calls, 1);
  calls = 0;
  EXPECT_TRUE(TwoSteps(false, calls).ok());
  EXPECT_EQ(calls, 2);
}

TEST(ResultTest, HoldsAValueOrAReason) {
  EXPECT_EQ(*SumOfBoxes(2, 3), 5);
  EXPECT_EQ(SumOfBoxes(2, -1).status().code(), Code::kOutOfRange);
  EXPECT_EQ(SumOfBoxes(-2, 1).value_or(7), 7);
  EXPECT_TRUE(SumOfBoxes(1, 1).status().ok());
}

TEST(ResultTest, GivesAwayWhatCannotBeCopied) {
  auto box = MakeBox(4);
  ASSERT_TRUE(box.ok());
  const std::unique_ptr<int> mine = std::move(box).value();
  EXPECT_EQ(*mine, 4);
}

TEST(ResultDeathTest, AskingAFailureForItsValueEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Result<int> failed(Status::Internal("x"));
  EXPECT_DEATH(static_cast<void>(failed.value()), "check failed: ok\\(\\)");
}

}  // namespace
}  // namespace hoego
