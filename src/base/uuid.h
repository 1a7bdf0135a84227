#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"

namespace hoego {

// 128 bits that name a thing for ever. Ours are version 7 (RFC 9562 section 5.7): the first 48 bits
// are the Unix millisecond, so ids made later sort later and an index by time finds them.
struct Uuid {
  std::array<uint8_t, 16> bytes{};

  static Uuid V7(Time now, Rng& rng);
  static std::optional<Uuid> Parse(std::string_view text);  // 36 characters with hyphens, any case

  std::string ToString() const;  // lower case, 36 characters
  Time time() const;             // of a version 7 id
  uint64_t low()
      const;  // the last eight bytes: random, a seed for draws that must be derived again
  friend bool operator==(const Uuid&, const Uuid&) = default;
};

// A version 7 id from this thread's own generator, seeded from the operating system.
Uuid NewUuid(Time now);

}  // namespace hoego
