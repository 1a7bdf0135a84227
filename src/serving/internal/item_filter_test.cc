#include "serving/internal/item_filter.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "base/random.h"
#include "kernels/topk.h"

namespace hoego::serving::internal {
namespace {

using events::ItemKey;

struct FakeView final : events::CatalogueView {
  const events::ItemInfo* Find(ItemKey item) const override {
    const auto found = infos.find(item.value());
    return found == infos.end() ? nullptr : &found->second;
  }
  std::map<uint32_t, events::ItemInfo> infos;
};

std::vector<ItemKey> SomeKeys(uint32_t most) {
  std::vector<ItemKey> keys;
  for (const uint32_t k :
       *rc::gen::container<std::vector<uint32_t>>(rc::gen::inRange<uint32_t>(0, most))) {
    keys.emplace_back(k);
  }
  return keys;
}

std::set<uint32_t> SetOf(const std::vector<ItemKey>& keys) {
  std::set<uint32_t> values;
  for (const ItemKey k : keys) {
    values.insert(k.value());
  }
  return values;
}

std::shared_ptr<FakeView> SomeCatalogue(uint32_t keys, Time now) {
  auto view = std::make_shared<FakeView>();
  for (uint32_t k = 0; k < keys; ++k) {
    if (*rc::gen::inRange(0, 3) == 0) {
      continue;  // no entry
    }
    events::ItemInfo info;
    info.hidden = *rc::gen::inRange(0, 6) == 0;
    info.removed = *rc::gen::inRange(0, 6) == 0;
    if (*rc::gen::inRange(0, 3) == 0) {
      info.expires = now + std::chrono::milliseconds(*rc::gen::inRange(-1, 2));
    }
    info.categories = *rc::gen::container<std::vector<uint32_t>>(rc::gen::inRange<uint32_t>(0, 4));
    view->infos[k] = info;
  }
  return view;
}

// What the rules say of one item, word by word.
bool MayCome(const ItemRules& rules, ItemKey key) {
  if (key == events::kNoItem || SetOf(rules.exclude).contains(key.value()) ||
      SetOf(rules.shown).contains(key.value())) {
    return false;
  }
  if (rules.seen != nullptr) {
    for (const auto& event : *rules.seen) {
      if (event.item == key) {
        return false;
      }
    }
  }
  if (rules.candidates.has_value() && !SetOf(*rules.candidates).contains(key.value())) {
    return false;
  }
  const events::ItemInfo* info = rules.catalogue->Find(key);
  if (info != nullptr && (info->hidden || info->removed ||
                          (info->expires.has_value() && *info->expires <= rules.now))) {
    return false;
  }
  for (const auto& wanted : rules.categories) {
    bool has_one = false;
    for (const uint32_t c : wanted) {
      has_one = has_one || (info != nullptr &&
                            std::count(info->categories.begin(), info->categories.end(), c) > 0);
    }
    if (!has_one) {
      return false;
    }
  }
  return true;
}

RC_GTEST_PROP(ItemFilterProperty, EveryCombinationOfRulesIsAsWorkedOutItemByItem, ()) {
  constexpr uint32_t kKeys = 40;
  ItemRules rules;
  rules.now = FromUnixMillis(1'000'000);
  rules.catalogue = SomeCatalogue(kKeys, rules.now);
  rules.exclude = SomeKeys(kKeys);
  rules.shown = SomeKeys(kKeys);
  if (*rc::gen::arbitrary<bool>()) {
    rules.candidates = SomeKeys(kKeys);
  }
  if (*rc::gen::arbitrary<bool>()) {
    auto seen = std::make_shared<std::vector<events::HistoryEntry>>();
    for (const ItemKey key : SomeKeys(kKeys)) {
      seen->emplace_back().item = key;
    }
    rules.seen = seen;
  }
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
    rules.categories.push_back(
        *rc::gen::container<std::vector<uint32_t>>(rc::gen::inRange<uint32_t>(0, 5)));
  }
  // The model knows some of the log's items, in its own order, and one that the log does not know.
  std::vector<uint32_t> order(kKeys);
  for (uint32_t k = 0; k < kKeys; ++k) {
    order[k] = k;
  }
  Rng rng(*rc::gen::arbitrary<uint64_t>());
  rng.Shuffle(order);
  std::vector<ItemKey> keys;
  const auto known = *rc::gen::inRange<size_t>(0, kKeys + 1);
  for (size_t i = 0; i < known; ++i) {
    keys.emplace_back(order[i]);
  }
  keys.push_back(events::kNoItem);
  const bool identity = *rc::gen::arbitrary<bool>();
  const ItemMap map(keys, kKeys);
  const auto items = identity ? kKeys : static_cast<uint32_t>(keys.size());

  std::vector<float> scores(items);
  for (float& s : scores) {
    s = static_cast<float>(rng.Below(8));  // many ties
  }
  const auto n = *rc::gen::inRange<size_t>(1, kKeys);
  std::vector<kernels::Ranked> expected;
  for (uint32_t i = 0; i < items; ++i) {
    if (MayCome(rules, identity ? ItemKey(i) : keys[i])) {
      expected.push_back({i, scores[i]});
    }
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  expected.resize(std::min(n, expected.size()));

  Scratch scratch;
  for (int again = 0; again < 2; ++again) {  // the second time on used memory
    const ItemFilter filter(rules, identity ? nullptr : &map, items, scratch);
    const auto best = kernels::TopK(std::span<const float>(scores), n, filter);
    RC_ASSERT(best.size() == expected.size());
    for (size_t i = 0; i < best.size(); ++i) {
      RC_ASSERT(best[i].index == expected[i].index);
      RC_ASSERT(best[i].score == expected[i].score);
    }
    RC_ASSERT(filter.candidates() >= best.size());
  }
  RC_ASSERT(std::count(scratch.marks.begin(), scratch.marks.end(), 0) ==
            static_cast<std::ptrdiff_t>(scratch.marks.size()));
}

TEST(ItemFilterTest, CountsTheItemsThatTheListsLeave) {
  ItemRules rules;
  rules.catalogue = std::make_shared<FakeView>();
  rules.exclude = {ItemKey(1), ItemKey(1), ItemKey(99)};
  rules.shown = {ItemKey(2)};
  Scratch scratch;
  EXPECT_EQ(ItemFilter(rules, nullptr, 10, scratch).candidates(), 8u);
  rules.candidates = std::vector<ItemKey>{ItemKey(1), ItemKey(2), ItemKey(3), ItemKey(3)};
  EXPECT_EQ(ItemFilter(rules, nullptr, 10, scratch).candidates(), 1u);
}

}  // namespace
}  // namespace hoego::serving::internal
