#include "events/internal/carried.h"

#include <algorithm>
#include <unordered_map>

#include "base/crc32c.h"
#include "events/internal/bodies.h"
#include "events/internal/summary.h"
#include "events/limits.h"

namespace hoego::events {
namespace {

constexpr std::string_view kMagic = "HOEGOCAR";
constexpr uint32_t kFormat = 1;
constexpr size_t kHeaderBytes = 72;
constexpr size_t kBufferBytes = 1u << 20;

std::string EncodeHead(const Carried::Head& head, uint32_t body_crc) {
  std::string out(kMagic);
  PutLe(out, kFormat);
  PutLe(out, static_cast<uint32_t>(kHeaderBytes));
  PutLe(out, head.log_id);
  PutLe(out, head.upto);
  PutLe(out, head.last_received);
  PutLe(out, head.records);
  PutLe(out, head.bytes);
  PutLe(out, head.units_end);
  PutLe(out, body_crc);
  PutLe(out, uint32_t{0});
  PutLe(out, Crc32c(out));
  return out;
}

// Which records must outlive their segment.
class Chooser {
 public:
  explicit Chooser(const LogState& state) : state_(state) {}

  // First pass over everything, in order: the last change of each item is the one to carry.
  void Note(const RawRecord& record) {
    if (record.known_kind() == RecordKind::kItemChange) {
      newest_[TakeItemChange(record.body).item] = record.at;
    }
  }
  bool Wants(const RawRecord& record) const {
    switch (record.known_kind()) {
      case RecordKind::kItemKey:
      case RecordKind::kTypeKey:
      case RecordKind::kDefinition:
        return true;
      case RecordKind::kUnitKey:
        return state_.units->SecretOf(record.unit).state != UnitKeys::State::kErased;
      case RecordKind::kItemChange:
        return newest_.at(TakeItemChange(record.body).item) == record.at;
      case RecordKind::kUnitChange:
        return state_.attributes.Get(record.unit) == record.at;
      default:
        return false;
    }
  }

 private:
  const LogState& state_;
  std::unordered_map<uint32_t, uint64_t> newest_;
};

// The new file's body, written as it grows.
class BodyWriter {
 public:
  explicit BodyWriter(File& file) : file_(file) {}

  Status Add(const RawRecord& record) {
    PutPlaced(buffer_, record);
    ++head.records;
    return buffer_.size() < kBufferBytes ? Status{} : Flush();
  }
  Status Finish() {
    HOEGO_TRY(Flush());
    HOEGO_TRY(file_.WriteAt(0, EncodeHead(head, crc_)));
    return file_.Sync();
  }
  Carried::Head head;

 private:
  Status Flush() {
    HOEGO_TRY(file_.WriteAt(kHeaderBytes + head.bytes, buffer_));
    head.bytes += buffer_.size();
    crc_ = Crc32c(buffer_, crc_);
    buffer_.clear();
    return {};
  }
  File& file_;
  std::string buffer_;
  uint32_t crc_ = 0;
};

// Visits what is carried so far and then the segments' records.
Status ForAll(const Carried* old, const std::vector<std::shared_ptr<Segment>>& segments,
              uint64_t upto, const std::function<Status(const RawRecord&)>& visit) {
  if (old != nullptr) {
    HOEGO_TRY(old->ForEach(visit));
  }
  for (size_t i = 0; i < segments.size(); ++i) {
    const uint64_t end = i + 1 < segments.size() ? segments[i + 1]->base : upto;
    HOEGO_TRY_ASSIGN(const Scan scan, ScanSegment(segments[i], end - segments[i]->base, visit));
    if (scan.end != end) {
      return Status::DataLoss(
          fmt::format("{}: no whole record starts here", segments[i]->NamePlace(scan.end)));
    }
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Carried>> Carried::Open(Disk& disk, const std::string& path) {
  if (!disk.Exists(path)) {
    return std::shared_ptr<const Carried>();
  }
  auto carried = std::make_shared<Carried>();
  carried->path_ = path;
  HOEGO_TRY_ASSIGN(carried->file_, disk.Open(path, Disk::Mode::kRead));
  std::string header(kHeaderBytes, '\0');
  HOEGO_TRY_ASSIGN(const size_t got, carried->file_->ReadAt(0, header));
  if (got < kHeaderBytes || !header.starts_with(kMagic)) {
    return Status::DataLoss(fmt::format("{}: not a file of carried records", path));
  }
  ByteReader reader(std::string_view(header).substr(kMagic.size()));
  if (const auto format = reader.Take<uint32_t>(); format > kFormat) {
    return Status::FailedPrecondition(
        fmt::format("{}: format {}, the newest this program reads is {}", path, format, kFormat));
  }
  const std::string_view covered =
      std::string_view(header).substr(0, kHeaderBytes - sizeof(uint32_t));
  if (LoadLe<uint32_t>(header.data() + covered.size()) != Crc32c(covered)) {
    return Status::DataLoss(fmt::format("{}: header with a wrong checksum", path));
  }
  reader.Take<uint32_t>();
  Head& head = carried->head_;
  head.log_id = reader.Take<uint64_t>();
  head.upto = reader.Take<uint64_t>();
  head.last_received = reader.Take<int64_t>();
  head.records = reader.Take<uint64_t>();
  head.bytes = reader.Take<uint64_t>();
  head.units_end = reader.Take<uint32_t>();
  uint64_t place = kHeaderBytes;
  carried->index_.reserve(std::min<uint64_t>(head.records, 1u << 24));
  HOEGO_TRY(carried->ForEach([&](const RawRecord& record) -> Status {
    carried->index_.emplace_back(record.at, place + sizeof(uint64_t));
    place += sizeof(uint64_t) + record.length;
    return {};
  }));
  if (carried->index_.size() != head.records) {
    return Status::DataLoss(
        fmt::format("{}: {} records, expected {}", path, carried->index_.size(), head.records));
  }
  return std::shared_ptr<const Carried>(std::move(carried));
}

// Part by part; each record is checked by its own checksum.
Status Carried::ForEach(const std::function<Status(const RawRecord&)>& visit) const {
  std::string buffer;
  uint64_t done = 0;
  RawRecord raw;
  while (done < head_.bytes) {
    buffer.resize(static_cast<size_t>(
        std::min<uint64_t>(head_.bytes - done, kBufferBytes + kMaxRecordBytes)));
    HOEGO_TRY_ASSIGN(const size_t got, file_->ReadAt(kHeaderBytes + done, buffer));
    size_t used = 0;
    while (used + sizeof(uint64_t) < got) {
      const std::string_view rest = std::string_view(buffer).substr(used, got - used);
      const ParseOutcome outcome =
          ParseRecord(rest.substr(sizeof(uint64_t)), LoadLe<uint64_t>(rest.data()), raw);
      if (outcome == ParseOutcome::kShort && done + got < head_.bytes) {
        break;
      }
      if (outcome != ParseOutcome::kRecord) {
        return Status::DataLoss(fmt::format("{} offset {}: a carried record is damaged", path_,
                                            kHeaderBytes + done + used));
      }
      HOEGO_TRY(visit(raw));
      used += sizeof(uint64_t) + raw.length;
    }
    if (used == 0) {
      return Status::DataLoss(fmt::format("{}: shorter than its header says", path_));
    }
    done += used;
  }
  return {};
}

Status Carried::ReadAt(uint64_t position, std::string& buffer, RawRecord& out) const {
  const auto it =
      std::lower_bound(index_.begin(), index_.end(), std::pair<uint64_t, uint64_t>(position, 0));
  if (it == index_.end() || it->first != position) {
    return Status::NotFound(fmt::format("position {}: not among the carried records", position));
  }
  const uint64_t stop = std::next(it) == index_.end() ? kHeaderBytes + head_.bytes
                                                      : std::next(it)->second - sizeof(uint64_t);
  buffer.resize(static_cast<size_t>(stop - it->second));
  HOEGO_TRY_ASSIGN(const size_t got, file_->ReadAt(it->second, buffer));
  if (ParseRecord(std::string_view(buffer).substr(0, got), position, out) !=
      ParseOutcome::kRecord) {
    return Status::DataLoss(
        fmt::format("{} offset {}: a carried record is damaged", path_, it->second));
  }
  return {};
}

Result<std::shared_ptr<const Carried>> Carried::Replace(
    Disk& disk, const std::string& path, const Carried* old,
    const std::vector<std::shared_ptr<Segment>>& segments, uint64_t upto, const LogState& state) {
  Chooser chooser(state);
  const Status noted = ForAll(old, segments, upto, [&](const RawRecord& record) -> Status {
    chooser.Note(record);
    return {};
  });
  HOEGO_TRY(noted);
  const std::string fresh = path + ".new";
  HOEGO_TRY_ASSIGN(const std::unique_ptr<File> file, disk.Open(fresh, Disk::Mode::kCreate));
  HOEGO_TRY(file->Truncate(0));
  BodyWriter writer(*file);
  writer.head.log_id = state.units->log_id();
  writer.head.upto = upto;
  if (old != nullptr) {
    writer.head.last_received = old->head_.last_received;
    writer.head.units_end = old->head_.units_end;
  }
  const Status written = ForAll(old, segments, upto, [&](const RawRecord& record) -> Status {
    writer.head.last_received = std::max(writer.head.last_received, record.received);
    if (record.known_kind() == RecordKind::kUnitKey) {
      writer.head.units_end = std::max(writer.head.units_end, record.unit + 1);
    }
    return chooser.Wants(record) ? writer.Add(record) : Status{};
  });
  HOEGO_TRY(written);
  HOEGO_TRY(writer.Finish());
  HOEGO_TRY(disk.Rename(fresh, path));
  return Open(disk, path);
}

}  // namespace hoego::events
