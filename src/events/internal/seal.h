#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/status.h"
#include "events/internal/layout.h"

namespace hoego::events {

// Nonces that never repeat under a secret: six random bytes of this opening of the log, then a
// count. A tail that was cut and written again, or a copy of the folder that lives on elsewhere,
// thus gets others. Threads: any.
class NonceSource {
 public:
  NonceSource() { RandomBytes(opening_); }
  AesNonce Next() { return At(counter_.fetch_add(1, std::memory_order_relaxed)); }
  // The first of `n` in a row, for At.
  uint64_t Take(uint64_t n) { return counter_.fetch_add(n, std::memory_order_relaxed); }
  AesNonce At(uint64_t count) const;

 private:
  std::array<uint8_t, 6> opening_{};
  std::atomic<uint64_t> counter_{0};
};

// Appends length, nonce, ciphertext and tag. Bound to the record's kind and unit: it opens nowhere
// else.
void AppendSealed(std::string& out, const AesKey& secret, const AesNonce& nonce, RecordKind kind,
                  uint32_t unit, std::string_view plain);
// Pre: `sealed` as SealedPart gives it. DataLoss when it does not fit the secret.
Result<std::string> OpenSealed(const AesKey& secret, uint8_t kind, uint32_t unit,
                               std::string_view sealed);
// Nonce, ciphertext and tag in the body of an event, a unit change or a unit key; empty when there
// is none.
std::string_view SealedPart(uint8_t kind, std::string_view body);
inline std::string_view SealedPart(const RawRecord& r) {
  return SealedPart(r.kind, r.body);
}

}  // namespace hoego::events
