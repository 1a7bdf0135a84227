#include <gtest/gtest.h>

#include "base/fault_disk.h"
#include "events/internal/store_for_tests.h"

namespace hoego::events {
namespace {

class CatalogueOfALog : public testing::Test {
 protected:
  CatalogueOfALog() : disk_(5), store_(disk_) { store_.Open(); }
  static ItemChange Item(std::string_view item) {
    ItemChange change;
    change.item = item;
    return change;
  }
  const Catalogue& catalogue() { return store_->catalogue(); }
  FaultDisk disk_;
  TestStore store_;
};

TEST_F(CatalogueOfALog, AnItemMetOnlyInEventsIsVisibleAndHasNoEntry) {
  store_.MustAppend({MakeEvent("a", "u", "film")});
  const auto view = catalogue().view();
  EXPECT_EQ(view->Find(*store_->FindItem("film")), nullptr);
  EXPECT_TRUE(view->Visible(*store_->FindItem("film"), FromUnixMillis(0)));
  EXPECT_EQ(catalogue().entries(), 0U);
}

TEST_F(CatalogueOfALog, TheNewestChangeHolds) {
  ItemChange change = Item("film");
  change.categories = {"drama", "war"};
  change.attributes = R"({"title":"x"})";
  store_.MustAppend({change});
  const ItemKey key = *store_->FindItem("film");
  const auto old = catalogue().view();
  change = Item("film");
  change.hidden = true;
  change.categories = {"war"};
  store_.MustAppend({change});
  const auto now = catalogue().view();
  EXPECT_FALSE(old->Find(key)->hidden);
  EXPECT_EQ(old->Find(key)->categories.size(), 2U);
  EXPECT_EQ(old->Find(key)->attributes, R"({"title":"x"})");
  EXPECT_TRUE(now->Find(key)->hidden);
  EXPECT_EQ(now->Find(key)->categories, std::vector<uint32_t>{*catalogue().CategoryId("war")});
  EXPECT_EQ(now->Find(key)->attributes, "{}");
  EXPECT_EQ(catalogue().CategoryName(*catalogue().CategoryId("drama")), "drama");
  EXPECT_EQ(catalogue().CategoryId("none"), std::nullopt);
  EXPECT_EQ(catalogue().entries(), 1U);
}

TEST_F(CatalogueOfALog, HiddenExpiredAndRemovedItemsAreNotVisible) {
  ItemChange hidden = Item("hidden");
  hidden.hidden = true;
  ItemChange expires = Item("expires");
  expires.expires = FromUnixMillis(1000);
  ItemChange removed = Item("removed");
  removed.removed = true;
  store_.MustAppend({hidden, expires, removed});
  const auto view = catalogue().view();
  const auto visible = [&](std::string_view item, int64_t at) {
    return view->Visible(*store_->FindItem(item), FromUnixMillis(at));
  };
  EXPECT_FALSE(visible("hidden", 0));
  EXPECT_TRUE(visible("expires", 999));
  EXPECT_FALSE(visible("expires", 1000));
  EXPECT_FALSE(visible("removed", 0));
  EXPECT_EQ(catalogue().entries(), 2U);
  store_.MustAppend({Item("removed")});
  EXPECT_EQ(catalogue().entries(), 3U);
}

TEST_F(CatalogueOfALog, ThousandsOfItemsInOneBatchAndAcross) {
  std::vector<std::string> names;
  for (int i = 0; i < 3000; ++i) {
    names.push_back(fmt::format("item {}", i));
  }
  std::vector<NewRecord> batch;
  for (const std::string& name : names) {
    batch.push_back(Item(name));
  }
  store_.MustAppend(batch);
  EXPECT_EQ(catalogue().entries(), 3000U);
  ItemChange change = Item(names[1234]);
  change.removed = true;
  store_.MustAppend({change});
  const auto view = catalogue().view();
  for (uint32_t i = 0; i < 3000; ++i) {
    ASSERT_NE(view->Find(ItemKey(i)), nullptr);
    ASSERT_EQ(view->Find(ItemKey(i))->removed, i == 1234);
  }
}

}  // namespace
}  // namespace hoego::events
