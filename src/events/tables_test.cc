// The tables behind the log, each beside a plain container of the standard library, and SipHash
// beside its vectors.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/crypto.h"
#include "base/fault_disk.h"
#include "base/random.h"
#include "events/internal/id_table.h"
#include "events/internal/row_counts.h"
#include "events/internal/siphash.h"
#include "events/internal/string_table.h"
#include "events/internal/unit_keys.h"

namespace hoego::events {
namespace {

std::string HexOf(const IdHash& hash) {
  std::array<uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &hash, sizeof(hash));
  return ToHex(bytes);
}

// Made with OpenSSL 3.0's SIPHASH (size 16); the first two are also in the reference
// implementation's vectors.h.
TEST(SipHashTest, EqualsTheReferenceVectors) {
  const SipKey key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  const std::map<size_t, std::string> expected = {
      {0, "a3817f04ba25a8e66df67214c7550293"},  {1, "da87c1d86b99af44347659119b22fc45"},
      {7, "a1f1ebbed8dbc153c0b84aa61ff08239"},  {8, "3b62a9ba6258f5610f83e264f31497b4"},
      {15, "5493e99933b0a8117e08ec0f97cfc3d9"}, {16, "6ee2a4ca67b054bbfd3315bf85230577"},
      {63, "5150d1772f50834a503e069a973fbd7c"}};
  for (const auto& [size, hex] : expected) {
    std::string input;
    for (size_t i = 0; i < size; ++i) {
      input += static_cast<char>(i);
    }
    EXPECT_EQ(HexOf(SipHash128(key, input)), hex) << size;
  }
}

TEST(RowCountsTest, CountsWhatAMapCountsInSixteenBytesARow) {
  Rng rng(6);
  RowCounts counts;
  std::map<std::string, uint32_t> twin;
  constexpr uint64_t kFixedBytes = 12u << 10;
  for (int step = 0; step < 60'000; ++step) {
    const std::string row = fmt::format("row {}", rng.Below(step < 30'000 ? 500 : 100'000));
    ASSERT_EQ(counts.Add(row), twin[row]++) << row;
    ASSERT_LE(counts.MemoryBytes(), kFixedBytes + 16 * twin.size() + twin.size() / 2);
  }
  EXPECT_GT(twin.size(), 20'000U);
}

TEST(IdTableTest, FindsWhatAMultimapFindsAfterAnyInsertsAndErases) {
  Rng rng(4);
  IdTable table;
  std::multimap<uint64_t, uint64_t> twin;
  uint64_t next = 1;
  for (int step = 0; step < 20'000; ++step) {
    // Few distinct keys high up, so that runs are long and wrap around the end of the table.
    const uint64_t key = rng.Chance(0.5) ? ((uint64_t{1} << 48) - 1 - rng.Below(2000))
                                         : rng.Below(uint64_t{1} << 48);
    if (rng.Chance(step < 10'000 ? 0.7 : 0.3) || twin.empty()) {
      table.Insert(key, next);
      twin.emplace(key, next++);
    } else {
      auto it = twin.lower_bound(key);
      it = it == twin.end() ? twin.begin() : it;
      EXPECT_TRUE(table.Erase(it->first, it->second));
      EXPECT_FALSE(table.Erase(it->first, it->second));
      twin.erase(it);
    }
    ASSERT_EQ(table.size(), twin.size());
    if (step % 500 == 0) {
      for (auto it = twin.begin(); it != twin.end(); ++it) {
        const uint64_t wanted = it->second;
        ASSERT_EQ(table.Find(it->first, [&](uint64_t position) { return position == wanted; }),
                  wanted);
      }
    }
  }
}

TEST(IdTableTest, ANewKeyIsNotFound) {
  IdTable table;
  EXPECT_EQ(table.Find(5, [](uint64_t) { return true; }), 0U);
  table.Insert(5, 9);
  EXPECT_EQ(table.Find(5, [](uint64_t) { return true; }), 9U);
  EXPECT_EQ(table.Find(5, [](uint64_t) { return false; }), 0U);
  EXPECT_EQ(table.Find(6, [](uint64_t) { return true; }), 0U);
}

TEST(StringTableTest, NumbersTextsAsAMapDoesAndTakesTheNewestBack) {
  Rng rng(9);
  StringTable table(123);
  std::map<std::string, uint32_t> twin;
  std::vector<std::string> order;
  for (int step = 0; step < 20'000; ++step) {
    if (rng.Chance(0.02) && order.size() > table.published()) {
      const auto count = table.published() +
                         static_cast<uint32_t>(rng.Below(order.size() - table.published() + 1));
      table.TruncateTo(count);
      for (; order.size() > count; order.pop_back()) {
        twin.erase(order.back());
      }
    } else if (rng.Chance(0.02)) {
      table.Publish(static_cast<uint32_t>(order.size()));
    }
    const std::string text =
        fmt::format("{}{}", rng.Below(3000), std::string(rng.Below(3) * 40, 'x'));
    const auto known = twin.find(text);
    ASSERT_EQ(table.FindAssigned(text),
              known == twin.end() ? std::nullopt : std::optional(known->second));
    if (known == twin.end()) {
      ASSERT_EQ(table.Assign(text), order.size());
      EXPECT_EQ(table.Find(text), std::nullopt);  // not yet durable
      twin[text] = static_cast<uint32_t>(order.size());
      order.push_back(text);
    }
  }
  table.Publish(static_cast<uint32_t>(order.size()));
  std::vector<std::string_view> asked(order.begin(), order.end());
  asked.insert(asked.begin() + 5, "nobody");
  std::vector<uint32_t> found(asked.size());
  table.FindManyAssigned(asked, found);
  for (size_t i = 0; i < asked.size(); ++i) {
    EXPECT_EQ(found[i], i == 5 ? UINT32_MAX : i < 5 ? i : i - 1);
  }
  for (uint32_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(table.At(i), order[i]);
    EXPECT_EQ(table.Find(order[i]), i);
  }
}

TEST(UnitKeysTest, SecretsAreOnDiskBeforeTheyAreUsedAndDiffer) {
  FaultDisk disk(1);
  ASSERT_TRUE(disk.MakeFolder("d").ok());
  const auto keys = UnitKeys::Open(disk, "d/units.keys", false).value();
  ASSERT_TRUE(keys->FinishOpen(0).ok());
  std::set<AesKey> secrets;
  std::vector<AesKey> in_order;
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(keys->EnsureFree(1).ok());
    const auto found = keys->Assign(keys->HashUnit(fmt::format("u{}", i)));
    EXPECT_EQ(found.key, static_cast<uint32_t>(i));
    secrets.insert(found.secret);
    in_order.push_back(found.secret);
  }
  EXPECT_EQ(secrets.size(), 3000U);
  disk.Crash();
  const std::string file = ReadWholeFile(disk, "d/units.keys").value();
  for (size_t i = 0; i < in_order.size(); ++i) {
    EXPECT_EQ(file.compare(64 + 64 * i, 32, reinterpret_cast<const char*>(in_order[i].data()), 32),
              0)
        << i;
  }
}

TEST(UnitKeysTest, FindsManyAtOnceAndForgetsOne) {
  FaultDisk disk(1);
  ASSERT_TRUE(disk.MakeFolder("d").ok());
  const auto keys = UnitKeys::Open(disk, "d/units.keys", false).value();
  ASSERT_TRUE(keys->FinishOpen(0).ok());
  ASSERT_TRUE(keys->EnsureFree(500).ok());
  std::vector<IdHash> hashes;
  std::vector<uint64_t> positions;
  for (int i = 0; i < 500; ++i) {
    hashes.push_back(keys->HashUnit(fmt::format("u{}", i)));
    keys->Assign(hashes.back());
    positions.push_back(100U + static_cast<uint64_t>(i));
  }
  EXPECT_EQ(keys->FindPublished("u7"), std::nullopt);
  ASSERT_TRUE(keys->Publish(positions).ok());
  EXPECT_EQ(keys->FindPublished("u7"), 7U);
  std::vector<UnitKeys::Found> found(hashes.size());
  keys->FindMany(hashes, found);
  for (uint32_t i = 0; i < 500; ++i) {
    EXPECT_EQ(found[i].key, i);
  }
  const uint64_t generation = keys->generation();
  keys->BeginForget(7);
  EXPECT_NE(keys->generation(), generation);
  EXPECT_EQ(keys->FindPublished("u7"), std::nullopt);
  keys->UndoForget(7);
  EXPECT_EQ(keys->FindPublished("u7"), 7U);
  keys->BeginForget(7);
  ASSERT_TRUE(keys->EraseForgotten().ok());
  EXPECT_EQ(keys->SecretOf(7).state, UnitKeys::State::kErased);
  EXPECT_EQ(keys->SecretOf(7).key, AesKey{});
  EXPECT_EQ(keys->FindPublished("u8"), 8U);
}

}  // namespace
}  // namespace hoego::events
