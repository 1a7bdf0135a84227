#include "events/internal/siphash.h"

#include <bit>

#include "events/internal/bytes.h"

namespace hoego::events {
namespace {

struct State {
  uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
  void Absorb(uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
  uint64_t Finish() {
    Round();
    Round();
    Round();
    Round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

IdHash SipHash128(const SipKey& key, std::string_view bytes) {
  // The paper's section 2.1 constants; v1 is changed by 0xee for the wide output.
  State s{key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL ^ 0xee,
          key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL};
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    s.Absorb(LoadLe<uint64_t>(bytes.data() + i));
  }
  uint64_t last = static_cast<uint64_t>(bytes.size()) << 56;
  for (size_t shift = 0; i < bytes.size(); ++i, shift += 8) {
    last |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << shift;
  }
  s.Absorb(last);
  s.v2 ^= 0xee;
  IdHash hash;
  hash.low = s.Finish();
  s.v1 ^= 0xdd;
  hash.high = s.Finish();
  return hash;
}

}  // namespace hoego::events
