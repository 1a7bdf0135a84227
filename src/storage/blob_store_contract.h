#pragma once

// What every BlobStore promises, as one typed suite. An implementation's test says how to open one
// in a folder:
//   struct Local { static Result<std::unique_ptr<BlobStore>> Open(const std::string& folder); };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Local, BlobStoreContract, ::testing::Types<Local>);

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"
#include "storage/blob_store.h"
#include "storage/temp_folder.h"

namespace hoego::storage {

template <class Factory>
class BlobStoreContract : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    store_.reset();
    auto opened = Factory::Open(folder_ / "blobs");
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = std::move(opened).value();
  }
  std::map<std::string, uint64_t> List() {
    std::map<std::string, uint64_t> found;
    EXPECT_TRUE(store_
                    ->ForEach([&](std::string_view digest, uint64_t bytes) {
                      EXPECT_TRUE(found.emplace(digest, bytes).second) << "visited twice";
                      return Status{};
                    })
                    .ok());
    return found;
  }
  std::string WriteFile(std::string_view name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  static std::string ReadFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TempFolder folder_;
  std::unique_ptr<BlobStore> store_;
};

// FIPS 180-4, examples of SHA-256.
inline constexpr std::string_view kDigestOfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
inline constexpr std::string_view kDigestOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TYPED_TEST_SUITE_P(BlobStoreContract);

TYPED_TEST_P(BlobStoreContract, NamesBytesByTheirSha256) {
  EXPECT_EQ(this->store_->Put("abc").value(), kDigestOfAbc);
  EXPECT_EQ(this->store_->Put("").value(), kDigestOfNothing);
  EXPECT_EQ(this->store_->PutFile(this->WriteFile("abc", "abc")).value(), kDigestOfAbc);
  EXPECT_EQ(this->store_->PutFile(this->WriteFile("nothing", "")).value(), kDigestOfNothing);
  EXPECT_EQ(this->List(), (std::map<std::string, uint64_t>{{std::string(kDigestOfAbc), 3},
                                                           {std::string(kDigestOfNothing), 0}}));
}

TYPED_TEST_P(BlobStoreContract, GivesBytesBackAsTheyWereAlsoWhenOpenedAgain) {
  std::string large;
  for (int i = 0; i < 3'000'001; ++i) {
    large += static_cast<char>(i * 31 + i / 256);
  }
  const std::vector<std::string> all = {"", "abc", std::string("a\0b\xff\n", 5), large,
                                        std::string(1 << 20, 'x')};
  std::vector<std::string> digests;
  for (size_t i = 0; i < all.size(); ++i) {
    auto digest = i % 2 == 0 ? this->store_->Put(all[i])
                             : this->store_->PutFile(this->WriteFile("source", all[i]));
    ASSERT_TRUE(digest.ok()) << digest.status().ToString();
    digests.push_back(*digest);
  }
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(this->store_->Get(digests[i]).value(), all[i]);
      ASSERT_TRUE(this->store_->GetToFile(digests[i], this->folder_ / "target").ok());
      EXPECT_EQ(this->ReadFile(this->folder_ / "target"), all[i]);
      EXPECT_TRUE(this->store_->Has(digests[i]));
    }
    EXPECT_TRUE(this->store_->Verify().value().empty());
    this->Reopen();
  }
}

TYPED_TEST_P(BlobStoreContract, KeepsTheSameBytesOnce) {
  EXPECT_EQ(this->store_->Put("abc").value(), this->store_->Put("abc").value());
  EXPECT_EQ(this->List().size(), 1u);
}

TYPED_TEST_P(BlobStoreContract, SaysWhatIsMissing) {
  EXPECT_EQ(this->store_->Get(kDigestOfAbc).status().code(), Code::kNotFound);
  EXPECT_EQ(this->store_->GetToFile(kDigestOfAbc, this->folder_ / "target").code(),
            Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(this->folder_ / "target"));
  EXPECT_EQ(this->store_->Remove(kDigestOfAbc).code(), Code::kNotFound);
  EXPECT_FALSE(this->store_->Has(kDigestOfAbc));
  EXPECT_EQ(this->store_->PutFile(this->folder_ / "nowhere").status().code(), Code::kNotFound);
}

TYPED_TEST_P(BlobStoreContract, TakesNothingButADigestForAName) {
  std::string upper(kDigestOfAbc);
  upper[0] = 'B';
  for (const std::string& name :
       {std::string(), std::string("abc"), upper, std::string(kDigestOfAbc) + "0",
        std::string(kDigestOfAbc.substr(1)), std::string("../../etc/passwd"),
        "../" + std::string(61, 'a'), std::string(64, '/'), std::string(64, '\0')}) {
    EXPECT_EQ(this->store_->Get(name).status().code(), Code::kInvalidArgument) << name;
    EXPECT_EQ(this->store_->GetToFile(name, this->folder_ / "target").code(),
              Code::kInvalidArgument)
        << name;
    EXPECT_EQ(this->store_->Remove(name).code(), Code::kInvalidArgument) << name;
    EXPECT_FALSE(this->store_->Has(name)) << name;
  }
}

TYPED_TEST_P(BlobStoreContract, StopsAtAVisitorsFailure) {
  for (const char* bytes : {"a", "b", "c"}) {
    ASSERT_TRUE(this->store_->Put(bytes).ok());
  }
  int seen = 0;
  EXPECT_EQ(this->store_
                ->ForEach([&](std::string_view, uint64_t) {
                  return ++seen == 2 ? Status::Cancelled("") : Status{};
                })
                .code(),
            Code::kCancelled);
  EXPECT_EQ(seen, 2);
}

TYPED_TEST_P(BlobStoreContract, LetsManyThreadsPutTheSameAndDifferentBytes) {
  constexpr int kThreads = 8;
  constexpr int kBlobs = 40;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kBlobs; ++i) {
          const std::string bytes = "blob " + std::to_string((i + t * 5) % kBlobs);
          auto digest = this->store_->Put(bytes);
          ASSERT_TRUE(digest.ok()) << digest.status().ToString();
          EXPECT_EQ(this->store_->Get(*digest).value_or("missing"), bytes);
        }
      });
    }
  }
  EXPECT_EQ(this->List().size(), static_cast<size_t>(kBlobs));
  EXPECT_TRUE(this->store_->Verify().value().empty());
}

TYPED_TEST_P(BlobStoreContract, AgreesWithAMapAfterRandomPutsAndRemoves) {
  Rng rng(11);
  std::map<std::string, std::string> twin;
  for (int step = 0; step < 150; ++step) {
    if (twin.empty() || rng.Chance(0.7)) {
      const std::string bytes(static_cast<size_t>(rng.Below(3)) * 700,
                              static_cast<char>('a' + rng.Below(20)));
      auto digest = this->store_->Put(bytes);
      ASSERT_TRUE(digest.ok()) << digest.status().ToString();
      twin[*digest] = bytes;
    } else {
      const auto gone =
          std::next(twin.begin(), static_cast<std::ptrdiff_t>(rng.Below(twin.size())));
      ASSERT_TRUE(this->store_->Remove(gone->first).ok());
      ASSERT_FALSE(this->store_->Has(gone->first));
      twin.erase(gone);
    }
  }
  std::map<std::string, uint64_t> sizes;
  for (const auto& [digest, bytes] : twin) {
    EXPECT_EQ(this->store_->Get(digest).value(), bytes);
    sizes[digest] = bytes.size();
  }
  EXPECT_EQ(this->List(), sizes);
}

REGISTER_TYPED_TEST_SUITE_P(BlobStoreContract, NamesBytesByTheirSha256,
                            GivesBytesBackAsTheyWereAlsoWhenOpenedAgain, KeepsTheSameBytesOnce,
                            SaysWhatIsMissing, TakesNothingButADigestForAName,
                            StopsAtAVisitorsFailure, LetsManyThreadsPutTheSameAndDifferentBytes,
                            AgreesWithAMapAfterRandomPutsAndRemoves);

}  // namespace hoego::storage
