#include "serving/item_map.h"

#include <gtest/gtest.h>

#include "serving/internal/fake_store.h"

namespace hoego::serving {
namespace {

using testing::FakeStore;

TEST(ItemMapTest, FindsEachItemBothWays) {
  FakeStore store;
  store.AddItem("zoo");
  const auto b = store.AddItem("b");
  const auto a = store.AddItem("a");
  const std::vector<std::string> items{"a", "b"};
  const LiveItemMap live(items, store);
  const auto map = live.Get();
  EXPECT_EQ(map->key(0), a);
  EXPECT_EQ(map->key(1), b);
  EXPECT_EQ(map->index(a), 0u);
  EXPECT_EQ(map->index(b), 1u);
  EXPECT_EQ(map->index(*store.FindItem("zoo")), kNoIndex);
  EXPECT_EQ(map->index(events::ItemKey(77)), kNoIndex);
  EXPECT_EQ(live.missing(), 0u);
}

TEST(ItemMapTest, FindsAnItemOfTheModelOnceTheLogHasMetIt) {
  FakeStore store;
  store.AddItem("a");
  const std::vector<std::string> items{"a", "late", "never"};
  const LiveItemMap live(items, store);
  EXPECT_EQ(live.missing(), 2u);
  const auto before = live.Get();
  EXPECT_EQ(before->key(1), events::kNoItem);
  store.AddItem("other");
  const auto late = store.AddItem("late");
  EXPECT_EQ(live.Get()->key(1), late);
  EXPECT_EQ(live.Get()->index(late), 1u);
  EXPECT_EQ(before->key(1), events::kNoItem);
  EXPECT_EQ(live.missing(), 1u);
  EXPECT_EQ(live.Get(), live.Get());
}

}  // namespace
}  // namespace hoego::serving
