#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "base/status.h"

namespace hoego::storage {

// Bytes named by their SHA-256 (64 hex digits in lower case; anything else is InvalidArgument).
// Written once, never changed. A put is durable when it returns: write to a temporary name, fsync,
// rename, fsync the folder.
//
// Threads: every method from any thread. Cost: PutFile and GetToFile hold 1 MiB, Put and Get the
// whole blob; putting what is there already reads it once (and writes it again when it was
// damaged). Failure: a full disk is ResourceExhausted, a failing one DataLoss; a put that failed
// leaves nothing.
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual Result<std::string> Put(std::string_view bytes) = 0;       // its digest
  virtual Result<std::string> PutFile(const std::string& path) = 0;  // streamed
  // The bytes, checked against the digest: DataLoss when altered, NotFound when absent.
  virtual Result<std::string> Get(std::string_view digest) const = 0;
  // The same into a file, whole or not at all: an altered blob leaves `path` as it was. Pre: the
  // file's folder exists.
  virtual Status GetToFile(std::string_view digest, const std::string& path) const = 0;
  virtual bool Has(std::string_view digest) const = 0;
  virtual Status Remove(std::string_view digest) = 0;
  virtual Status ForEach(
      const std::function<Status(std::string_view digest, uint64_t bytes)>& visit) const = 0;
  // Reads every blob and compares its digest; returns the altered ones.
  virtual Result<std::vector<std::string>> Verify() const = 0;
};

Result<std::unique_ptr<BlobStore>> OpenLocalBlobStore(Disk& disk, const std::string& folder);

}  // namespace hoego::storage
