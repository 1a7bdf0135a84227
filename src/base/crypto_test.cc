#include "base/crypto.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace hoego {
namespace {

std::vector<uint8_t> Bytes(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bytes;
}

std::string Text(std::string_view hex) {
  const std::vector<uint8_t> bytes = Bytes(hex);
  return {bytes.begin(), bytes.end()};
}

std::string Hex(std::string_view text) {
  return ToHex(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

// FIPS 180-4's examples (NIST, "SHA256.pdf") and the million a's of FIPS 180-2, appendix B.3.
TEST(CryptoTest, Sha256GivesThePublishedDigests) {
  EXPECT_EQ(ToHex(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToHex(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(ToHex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(ToHex(Sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

RC_GTEST_PROP(CryptoProperty, Sha256OfPartsIsSha256OfTheWhole,
              (const std::vector<std::string>& parts)) {
  Sha256Stream stream;
  std::string whole;
  for (const std::string& part : parts) {
    stream.Update(part);
    whole += part;
  }
  Sha256Stream moved = std::move(stream);
  RC_ASSERT(moved.Finish() == Sha256(whole));
}

// RFC 4231, sections 4.2, 4.3, 4.4 and 4.7 (a key longer than the block).
TEST(CryptoTest, HmacGivesThePublishedCodes) {
  struct Known {
    std::vector<uint8_t> key;
    std::string data;
    std::string code;
  };
  const std::vector<Known> known = {
      {std::vector<uint8_t>(20, 0x0b), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {Bytes("4a656665"), "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::vector<uint8_t>(20, 0xaa), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {std::vector<uint8_t>(131, 0xaa), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"}};
  for (const Known& k : known) {
    EXPECT_EQ(ToHex(HmacSha256(k.key, k.data)), k.code);
  }
}

struct GcmCase {
  std::string key;
  std::string nonce;
  std::string aad;
  std::string plain;
  std::string sealed;
};

// Test cases 13, 14 and 16 of McGrew and Viega's GCM submission to NIST (AES-256, 96-bit nonce).
std::vector<GcmCase> GcmCases() {
  return {{std::string(64, '0'), std::string(24, '0'), "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
          {std::string(64, '0'), std::string(24, '0'), "", std::string(32, '0'),
           "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
          {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
           "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
           "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2"
           "449a6b525"
           "b16aedf5aa0de657ba637b39",
           "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1"
           "056828838"
           "c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"}};
}

AesKey KeyOf(const GcmCase& c) {
  AesKey key{};
  std::ranges::copy(Bytes(c.key), key.begin());
  return key;
}

AesNonce NonceOf(const GcmCase& c) {
  AesNonce nonce{};
  std::ranges::copy(Bytes(c.nonce), nonce.begin());
  return nonce;
}

TEST(CryptoTest, AesGcmGivesThePublishedCiphertexts) {
  for (const GcmCase& c : GcmCases()) {
    std::string out = "before:";  // appended to, not overwritten
    AesGcmSeal(KeyOf(c), NonceOf(c), Text(c.aad), Text(c.plain), out);
    EXPECT_EQ(Hex(out.substr(7)), c.sealed);
    const auto opened = AesGcmOpen(KeyOf(c), NonceOf(c), Text(c.aad), Text(c.sealed));
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    EXPECT_EQ(Hex(*opened), c.plain);
  }
}

TEST(CryptoTest, AesGcmRefusesEveryFlippedBit) {
  const GcmCase c = GcmCases()[2];
  const std::string good = Text(c.sealed);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] ^= static_cast<char>(1 << bit % 8);
    ASSERT_EQ(AesGcmOpen(KeyOf(c), NonceOf(c), Text(c.aad), bad).status().code(), Code::kDataLoss)
        << bit;
  }
  EXPECT_EQ(AesGcmOpen(KeyOf(c), NonceOf(c), "other", good).status().code(), Code::kDataLoss);
  EXPECT_EQ(AesGcmOpen(AesKey{}, NonceOf(c), Text(c.aad), good).status().code(), Code::kDataLoss);
  EXPECT_EQ(AesGcmOpen(KeyOf(c), AesNonce{}, Text(c.aad), good).status().code(), Code::kDataLoss);
  EXPECT_EQ(AesGcmOpen(KeyOf(c), NonceOf(c), Text(c.aad), "short").status().code(),
            Code::kDataLoss);
  EXPECT_TRUE(
      AesGcmOpen(KeyOf(c), NonceOf(c), Text(c.aad), good).ok());  // a refusal leaves no trace
}

RC_GTEST_PROP(CryptoProperty, WhatIsSealedOpens,
              (const std::string& plain, const std::string& aad)) {
  AesKey key{};
  AesNonce nonce{};
  RandomBytes(key);
  RandomBytes(nonce);
  std::string sealed;
  AesGcmSeal(key, nonce, aad, plain, sealed);
  RC_ASSERT(sealed.size() == plain.size() + kAesTagBytes);
  const auto opened = AesGcmOpen(key, nonce, aad, sealed);
  RC_ASSERT(opened.ok());
  RC_ASSERT(*opened == plain);
}

TEST(CryptoTest, ComparesSecrets) {
  EXPECT_TRUE(ConstantTimeEqual("", ""));
  EXPECT_TRUE(ConstantTimeEqual("token", "token"));
  EXPECT_FALSE(ConstantTimeEqual("token", "tokem"));
  EXPECT_FALSE(ConstantTimeEqual("token", "toke"));
}

TEST(CryptoTest, RandomNumbersDiffer) {
  std::set<uint64_t> seen;
  for (int i = 0; i < 100; ++i) {
    seen.insert(RandomUint64());
  }
  EXPECT_EQ(seen.size(), 100U);
}

}  // namespace
}  // namespace hoego
