#include "base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>

namespace hoego {
namespace {

const unsigned char* Data(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};

// Fetching the cipher costs more than sealing an event: do it once, and keep a context a thread.
EVP_CIPHER_CTX* Context(bool seal) {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  HOEGO_CHECK(cipher != nullptr);
  const auto make = [](bool encrypt) {
    std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> c(EVP_CIPHER_CTX_new());
    HOEGO_CHECK(c != nullptr && EVP_CipherInit_ex(c.get(), cipher, nullptr, nullptr, nullptr,
                                                  encrypt ? 1 : 0) == 1);
    return c;
  };
  thread_local const auto sealer = make(true);
  thread_local const auto opener = make(false);
  return seal ? sealer.get() : opener.get();
}

}  // namespace

struct Sha256Stream::Impl {
  std::unique_ptr<EVP_MD_CTX, FreeDigest> ctx{EVP_MD_CTX_new()};
};

Sha256Stream::Sha256Stream() : impl_(std::make_unique<Impl>()) {
  HOEGO_CHECK(EVP_DigestInit_ex(impl_->ctx.get(), EVP_sha256(), nullptr) == 1);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::Update(std::string_view bytes) {
  HOEGO_CHECK(EVP_DigestUpdate(impl_->ctx.get(), bytes.data(), bytes.size()) == 1);
}

Sha256Digest Sha256Stream::Finish() {
  Sha256Digest digest{};
  unsigned int size = 0;
  HOEGO_CHECK(EVP_DigestFinal_ex(impl_->ctx.get(), digest.data(), &size) == 1 &&
              size == digest.size());
  return digest;
}

Sha256Digest Sha256(std::string_view bytes) {
  Sha256Stream stream;
  stream.Update(bytes);
  return stream.Finish();
}

std::string ToHex(std::span<const uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const uint8_t b : bytes) {
    text += kDigits[b >> 4];
    text += kDigits[b & 15];
  }
  return text;
}

Sha256Digest HmacSha256(std::span<const uint8_t> key, std::string_view bytes) {
  Sha256Digest digest{};
  unsigned int size = 0;
  HOEGO_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), Data(bytes),
                   bytes.size(), digest.data(), &size) != nullptr);
  return digest;
}

void RandomBytes(std::span<uint8_t> out) {
  HOEGO_CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1);
}

uint64_t RandomUint64() {
  std::array<uint8_t, 8> bytes{};
  RandomBytes(bytes);
  uint64_t value = 0;
  for (const uint8_t b : bytes) {
    value = value << 8 | b;
  }
  return value;
}

bool ConstantTimeEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void AesGcmSeal(const AesKey& key, const AesNonce& nonce, std::string_view aad,
                std::string_view plain, std::string& out) {
  EVP_CIPHER_CTX* ctx = Context(true);
  HOEGO_CHECK(EVP_EncryptInit_ex(ctx, nullptr, nullptr, key.data(), nonce.data()) == 1);
  int n = 0;
  if (!aad.empty()) {
    HOEGO_CHECK(EVP_EncryptUpdate(ctx, nullptr, &n, Data(aad), static_cast<int>(aad.size())) == 1);
  }
  const size_t at = out.size();
  out.resize(at + plain.size() + kAesTagBytes);
  auto* const to = reinterpret_cast<unsigned char*>(out.data() + at);
  HOEGO_CHECK(EVP_EncryptUpdate(ctx, to, &n, Data(plain), static_cast<int>(plain.size())) == 1);
  int last = 0;
  HOEGO_CHECK(EVP_EncryptFinal_ex(ctx, to + n, &last) == 1);
  HOEGO_CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, kAesTagBytes, to + plain.size()) == 1);
}

Result<std::string> AesGcmOpen(const AesKey& key, const AesNonce& nonce, std::string_view aad,
                               std::string_view sealed) {
  if (sealed.size() < kAesTagBytes) {
    return Status::DataLoss(
        fmt::format("sealed text of {} bytes: shorter than its tag", sealed.size()));
  }
  const std::string_view cipher = sealed.substr(0, sealed.size() - kAesTagBytes);
  std::array<unsigned char, kAesTagBytes> tag{};
  std::copy_n(Data(sealed) + cipher.size(), kAesTagBytes, tag.begin());
  EVP_CIPHER_CTX* ctx = Context(false);
  HOEGO_CHECK(EVP_DecryptInit_ex(ctx, nullptr, nullptr, key.data(), nonce.data()) == 1);
  int n = 0;
  if (!aad.empty()) {
    HOEGO_CHECK(EVP_DecryptUpdate(ctx, nullptr, &n, Data(aad), static_cast<int>(aad.size())) == 1);
  }
  std::string plain(cipher.size(), '\0');
  auto* const to = reinterpret_cast<unsigned char*>(plain.data());
  HOEGO_CHECK(EVP_DecryptUpdate(ctx, to, &n, Data(cipher), static_cast<int>(cipher.size())) == 1);
  HOEGO_CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, kAesTagBytes, tag.data()) == 1);
  int last = 0;
  if (EVP_DecryptFinal_ex(ctx, to + n, &last) != 1) {
    return Status::DataLoss("sealed text: the tag does not match (wrong key or altered bytes)");
  }
  return plain;
}

}  // namespace hoego
