#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace hoego {

using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest Sha256(std::string_view bytes);
std::string ToHex(std::span<const uint8_t> bytes);

// SHA-256 of bytes that arrive in parts. Threads: one thread at a time.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  void Update(std::string_view bytes);
  Sha256Digest Finish();  // Pre: called once

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// HMAC-SHA-256 (RFC 2104).
Sha256Digest HmacSha256(std::span<const uint8_t> key, std::string_view bytes);

// Bytes from the operating system's generator; never fails silently (a failure aborts).
void RandomBytes(std::span<uint8_t> out);
uint64_t RandomUint64();

// True when equal, in time that depends on the lengths alone.
bool ConstantTimeEqual(std::string_view a, std::string_view b);

using AesKey = std::array<uint8_t, 32>;
using AesNonce = std::array<uint8_t, 12>;
inline constexpr size_t kAesTagBytes = 16;

// AES-256-GCM (NIST SP 800-38D). `out` gets the ciphertext and then the 16-byte tag, appended.
// Pre: a nonce is used once a key. `aad` is authenticated, not encrypted. Threads: any (a context a
// thread).
void AesGcmSeal(const AesKey& key, const AesNonce& nonce, std::string_view aad,
                std::string_view plain, std::string& out);
// DataLoss when the tag does not match.
Result<std::string> AesGcmOpen(const AesKey& key, const AesNonce& nonce, std::string_view aad,
                               std::string_view sealed);

}  // namespace hoego
