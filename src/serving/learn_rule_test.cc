#include "serving/learn_rule.h"

#include <gtest/gtest.h>

#include <map>

#include "serving/internal/fake_model.h"
#include "serving/internal/fake_store.h"

namespace hoego::serving {
namespace {

using testing::FakeStore;
using testing::ItemNames;

std::map<uint32_t, float> Fold(const FakeStore& store, const LearnWeights& weights,
                               const LiveItemMap& items, const std::string& unit) {
  std::vector<models::Interaction> out;
  weights.FoldIn(*store.Get(*store.FindUnit(unit)), *items.Get(), out);
  std::map<uint32_t, float> by_item;
  for (size_t i = 0; i < out.size(); ++i) {
    EXPECT_TRUE(i == 0 || out[i - 1].item < out[i].item);
    by_item[out[i].item] = out[i].weight;
  }
  return by_item;
}

TEST(LearnRuleTest, WithoutARuleEveryEventCountsOnceAndRepeatsAreAdded) {
  FakeStore store;
  store.AddEvent("u", "watch", "i2");
  store.AddEvent("u", "like", "i0");
  store.AddEvent("u", "watch", "i2");
  store.AddEvent("u", "watch", "unknown to the model");
  const auto names = ItemNames(3);
  const LiveItemMap items(names, store);
  const LearnWeights weights(LearnRule{}, store);
  EXPECT_EQ(Fold(store, weights, items, "u"), (std::map<uint32_t, float>{{0, 1.f}, {2, 2.f}}));
}

TEST(LearnRuleTest, TypesCountAsTheRuleSays) {
  const auto rule = LearnRule::Parse(
      R"({"positive":["watch","like"],"negative":["skip"],"weight":{"like":3,"skip":0.5}})");
  ASSERT_TRUE(rule.ok()) << rule.status().ToString();
  FakeStore store;
  store.AddEvent("u", "watch", "i0");
  store.AddEvent("u", "like", "i0");
  store.AddEvent("u", "skip", "i1");
  store.AddEvent("u", "click", "i2");
  const auto names = ItemNames(3);
  const LiveItemMap items(names, store);
  const LearnWeights weights(*rule, store);
  EXPECT_EQ(Fold(store, weights, items, "u"), (std::map<uint32_t, float>{{0, 4.f}, {1, -.5f}}));
  // A type first met after the version was loaded.
  store.AddEvent("u", "new type", "i2");
  store.AddEvent("u", "watch", "i1");
  EXPECT_EQ(Fold(store, weights, items, "u"), (std::map<uint32_t, float>{{0, 4.f}, {1, .5f}}));
}

TEST(LearnRuleTest, ValuesBelowTheMinimumAndSumsOfZeroAreLeftOut) {
  const auto rule = LearnRule::Parse(R"({"negative":["skip"],"min_value":4})");
  ASSERT_TRUE(rule.ok());
  FakeStore store;
  store.AddEvent("u", "rate", "i0", 3.5f);
  store.AddEvent("u", "rate", "i1", 4.0f);
  store.AddEvent("u", "rate", "i2");  // no value
  store.AddEvent("u", "rate", "i3", 5);
  store.AddEvent("u", "skip", "i3", 5);
  const auto names = ItemNames(4);
  const LiveItemMap items(names, store);
  const LearnWeights weights(*rule, store);
  EXPECT_EQ(Fold(store, weights, items, "u"), (std::map<uint32_t, float>{{1, 1.f}, {2, 1.f}}));
}

TEST(LearnRuleTest, AWrongRuleIsRefusedByTheNameOfItsField) {
  const auto message = [](std::string_view json) {
    return std::string(LearnRule::Parse(json).status().message());
  };
  EXPECT_EQ(message(R"({"positive":"watch"})"),
            "learn: field \"positive\": expected an array of event types, got string");
  EXPECT_EQ(message(R"({"positive":[1]})"),
            "learn: field \"positive\": expected event types, got number");
  EXPECT_EQ(message(R"({"weight":{"like":0}})"),
            "learn: weight of \"like\": expected a number above 0, at most 1e9");
  EXPECT_EQ(message(R"({"positive":["a"],"negative":["a"]})"),
            "learn: \"a\" is both positive and negative");
  EXPECT_EQ(message("[]"), "learn: expected an object, got array");
  EXPECT_FALSE(LearnRule::Parse("{").ok());
}

}  // namespace
}  // namespace hoego::serving
