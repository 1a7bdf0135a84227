#include "events/internal/seal.h"

#include "events/internal/bodies.h"

namespace hoego::events {
namespace {

struct Bound {
  std::array<char, 5> bytes{};
  Bound(uint8_t kind, uint32_t unit) {
    bytes[0] = static_cast<char>(kind);
    StoreLe(bytes.data() + 1, unit);
  }
  std::string_view view() const { return {bytes.data(), bytes.size()}; }
};

}  // namespace

AesNonce NonceSource::At(uint64_t count) const {
  HOEGO_CHECK(count >> 48 == 0);
  AesNonce nonce{};
  std::memcpy(nonce.data(), opening_.data(), opening_.size());
  std::memcpy(nonce.data() + opening_.size(), &count, nonce.size() - opening_.size());
  return nonce;
}

void AppendSealed(std::string& out, const AesKey& secret, const AesNonce& nonce, RecordKind kind,
                  uint32_t unit, std::string_view plain) {
  PutLe(out, static_cast<uint32_t>(nonce.size() + plain.size() + kAesTagBytes));
  PutLe(out, nonce);
  AesGcmSeal(secret, nonce, Bound(static_cast<uint8_t>(kind), unit).view(), plain, out);
}

Result<std::string> OpenSealed(const AesKey& secret, uint8_t kind, uint32_t unit,
                               std::string_view sealed) {
  AesNonce nonce{};
  if (sealed.size() < nonce.size() + kAesTagBytes) {
    return Status::DataLoss("sealed part: shorter than its nonce and tag");
  }
  std::memcpy(nonce.data(), sealed.data(), nonce.size());
  return AesGcmOpen(secret, nonce, Bound(kind, unit).view(), sealed.substr(nonce.size()));
}

std::string_view SealedPart(uint8_t kind, std::string_view body) {
  ByteReader reader(body);
  switch (static_cast<RecordKind>(kind)) {
    case RecordKind::kEvent: {
      const EventBody event = TakeEventBody(reader);
      return event.ok ? event.sealed : std::string_view();
    }
    case RecordKind::kUnitChange:
    case RecordKind::kUnitKey:
      return reader.TakeText32();
    default:
      return {};
  }
}

}  // namespace hoego::events
