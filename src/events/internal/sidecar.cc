// A Summary as the bytes of a sidecar; docs/formats/sidecar.md is the specification.
#include <array>

#include "base/crc32c.h"
#include "events/internal/summary.h"

namespace hoego::events {
namespace {

constexpr std::string_view kMagic = "HOEGOIDX";
constexpr uint32_t kFormat = 1;
constexpr size_t kFixedBytes = 64;
constexpr size_t kTableEntryBytes = 24;
constexpr size_t kIdBytes = 10;
constexpr size_t kUnitPlaceBytes = 8;
constexpr size_t kTimeBytes = 16;
enum Which : size_t { kIds, kHeads, kAttributes, kTimes, kDefinitions, kKept };

void PutUnitPlaces(std::string& out, const std::vector<UnitPlace>& places) {
  for (const UnitPlace& p : places) {
    PutLe(out, p.unit);
    PutLe(out, p.place);
  }
}

std::vector<UnitPlace> TakeUnitPlaces(std::string_view bytes) {
  std::vector<UnitPlace> places(bytes.size() / kUnitPlaceBytes);
  for (size_t i = 0; i < places.size(); ++i) {
    const char* const p = bytes.data() + i * kUnitPlaceBytes;
    places[i] = {LoadLe<uint32_t>(p), LoadLe<uint32_t>(p + 4)};
  }
  return places;
}

std::string EncodeIds(const std::vector<IdEntry>& ids) {
  std::string out(ids.size() * kIdBytes, '\0');
  char* p = out.data();
  for (const IdEntry& id : ids) {
    StoreLe(p, static_cast<uint32_t>(id.key));
    StoreLe(p + 4, static_cast<uint16_t>(id.key >> 32));
    StoreLe(p + 6, id.place);
    p += kIdBytes;
  }
  return out;
}

std::vector<IdEntry> TakeIds(std::string_view bytes) {
  std::vector<IdEntry> ids(bytes.size() / kIdBytes);
  for (size_t i = 0; i < ids.size(); ++i) {
    const char* const p = bytes.data() + i * kIdBytes;
    ids[i].key = uint64_t{LoadLe<uint16_t>(p + 4)} << 32 | LoadLe<uint32_t>(p);
    ids[i].place = LoadLe<uint32_t>(p + 6);
  }
  return ids;
}

}  // namespace

std::string EncodeSummary(const Summary& s) {
  std::array<std::string, Sidecar::kSections> sections;
  sections[kIds] = EncodeIds(s.ids);
  PutUnitPlaces(sections[kHeads], s.heads);
  PutUnitPlaces(sections[kAttributes], s.attributes);
  for (const TimeIndex::Entry& e : s.times) {
    PutLe(sections[kTimes], e.received);
    PutLe(sections[kTimes], e.position);
  }
  for (const uint64_t position : s.definitions) {
    PutLe(sections[kDefinitions], position);
  }
  sections[kKept] = s.kept;

  std::string out(kMagic);
  PutLe(out, kFormat);
  PutLe(out, static_cast<uint32_t>(sections.size()));
  PutLe(out, s.head.base);
  PutLe(out, s.head.end);
  PutLe(out, s.head.log_id);
  PutLe(out, s.head.last_received);
  PutLe(out, s.head.ids);
  PutLe(out, s.head.units_end);
  PutLe(out, uint32_t{0});
  uint64_t offset = kFixedBytes + sections.size() * kTableEntryBytes + sizeof(uint32_t);
  for (const std::string& section : sections) {
    PutLe(out, offset);
    PutLe(out, uint64_t{section.size()});
    PutLe(out, Crc32c(section));
    PutLe(out, uint32_t{0});
    offset += section.size();
  }
  PutLe(out, Crc32c(out));
  out.reserve(offset);
  for (const std::string& section : sections) {
    out += section;
  }
  return out;
}

Result<Sidecar> Sidecar::Open(Disk& disk, const std::string& path) {
  Sidecar sidecar;
  sidecar.path_ = path;
  HOEGO_TRY_ASSIGN(sidecar.file_, disk.Open(path, Disk::Mode::kRead));
  std::string head(kFixedBytes + kSections * kTableEntryBytes + sizeof(uint32_t), '\0');
  HOEGO_TRY_ASSIGN(const size_t got, sidecar.file_->ReadAt(0, head));
  const std::string_view covered = std::string_view(head).substr(0, head.size() - sizeof(uint32_t));
  if (got < head.size() || !head.starts_with(kMagic)) {
    return Status::DataLoss(fmt::format("{}: not a sidecar", path));
  }
  ByteReader reader(std::string_view(head).substr(kMagic.size()));
  const auto format = reader.Take<uint32_t>();
  if (format != kFormat || reader.Take<uint32_t>() != kSections) {
    return Status::FailedPrecondition(
        fmt::format("{}: format {}, this program reads {}", path, format, kFormat));
  }
  if (LoadLe<uint32_t>(head.data() + covered.size()) != Crc32c(covered)) {
    return Status::DataLoss(fmt::format("{}: header with a wrong checksum", path));
  }
  Summary::Head& h = sidecar.head_;
  h.base = reader.Take<uint64_t>();
  h.end = reader.Take<uint64_t>();
  h.log_id = reader.Take<uint64_t>();
  h.last_received = reader.Take<int64_t>();
  h.ids = reader.Take<uint64_t>();
  h.units_end = reader.Take<uint32_t>();
  reader.Take<uint32_t>();
  for (Section& section : sidecar.sections_) {
    section.offset = reader.Take<uint64_t>();
    section.bytes = reader.Take<uint64_t>();
    section.crc = reader.Take<uint32_t>();
    reader.Take<uint32_t>();
  }
  return sidecar;
}

Result<std::string> Sidecar::ReadSection(size_t which) const {
  const Section& section = sections_[which];
  HOEGO_TRY_ASSIGN(const uint64_t size, file_->Size());
  if (section.offset > size || section.bytes > size - section.offset) {
    return Status::DataLoss(fmt::format("{}: shorter than its sections", path_));
  }
  std::string bytes(section.bytes, '\0');
  HOEGO_TRY_ASSIGN(const size_t got, file_->ReadAt(section.offset, bytes));
  if (got != bytes.size() || Crc32c(bytes) != section.crc) {
    return Status::DataLoss(fmt::format("{}: section {} with a wrong checksum", path_, which));
  }
  return bytes;
}

Result<Summary> Sidecar::Read(bool with_ids) const {
  Summary s;
  s.head = head_;
  if (with_ids) {
    HOEGO_TRY_ASSIGN(const std::string ids, ReadSection(kIds));
    s.ids = TakeIds(ids);
  }
  HOEGO_TRY_ASSIGN(const std::string heads, ReadSection(kHeads));
  s.heads = TakeUnitPlaces(heads);
  HOEGO_TRY_ASSIGN(const std::string attributes, ReadSection(kAttributes));
  s.attributes = TakeUnitPlaces(attributes);
  HOEGO_TRY_ASSIGN(const std::string times, ReadSection(kTimes));
  for (size_t at = 0; at + kTimeBytes <= times.size(); at += kTimeBytes) {
    s.times.push_back(
        {LoadLe<int64_t>(times.data() + at), LoadLe<uint64_t>(times.data() + at + 8)});
  }
  HOEGO_TRY_ASSIGN(const std::string definitions, ReadSection(kDefinitions));
  for (size_t at = 0; at + sizeof(uint64_t) <= definitions.size(); at += sizeof(uint64_t)) {
    s.definitions.push_back(LoadLe<uint64_t>(definitions.data() + at));
  }
  HOEGO_TRY_ASSIGN(s.kept, ReadSection(kKept));
  return s;
}

}  // namespace hoego::events
