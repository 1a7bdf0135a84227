#pragma once

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace hoego {

// gRPC's canonical codes, so that the edge is one table (api/http/status_map.h).
enum class Code : unsigned char {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// "not_found", "data_loss", …: stable words, used in logs, metrics and problem documents.
std::string_view CodeName(Code code);

// How a call went. One pointer wide; null means fine, so the good path costs a compare.
// The message says what failed, on what and what was expected; it holds no secret and no user
// payload.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message);
  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  bool ok() const { return state_ == nullptr; }
  Code code() const { return state_ == nullptr ? Code::kOk : state_->code; }
  std::string_view message() const;
  std::string ToString() const;  // "not_found: no model films/9"

  // The same failure with context in front: "load model 12: read manifest: …". Does nothing to an
  // ok status.
  Status Within(std::string_view context) const;

  static Status Cancelled(std::string m) { return {Code::kCancelled, std::move(m)}; }
  static Status InvalidArgument(std::string m) { return {Code::kInvalidArgument, std::move(m)}; }
  static Status DeadlineExceeded(std::string m) { return {Code::kDeadlineExceeded, std::move(m)}; }
  static Status NotFound(std::string m) { return {Code::kNotFound, std::move(m)}; }
  static Status AlreadyExists(std::string m) { return {Code::kAlreadyExists, std::move(m)}; }
  static Status PermissionDenied(std::string m) { return {Code::kPermissionDenied, std::move(m)}; }
  static Status ResourceExhausted(std::string m) {
    return {Code::kResourceExhausted, std::move(m)};
  }
  static Status FailedPrecondition(std::string m) {
    return {Code::kFailedPrecondition, std::move(m)};
  }
  static Status Aborted(std::string m) { return {Code::kAborted, std::move(m)}; }
  static Status OutOfRange(std::string m) { return {Code::kOutOfRange, std::move(m)}; }
  static Status Unimplemented(std::string m) { return {Code::kUnimplemented, std::move(m)}; }
  static Status Internal(std::string m) { return {Code::kInternal, std::move(m)}; }
  static Status Unavailable(std::string m) { return {Code::kUnavailable, std::move(m)}; }
  static Status DataLoss(std::string m) { return {Code::kDataLoss, std::move(m)}; }
  static Status Unauthenticated(std::string m) { return {Code::kUnauthenticated, std::move(m)}; }

 private:
  struct State {
    Code code;
    std::string message;
  };
  std::unique_ptr<State> state_;
};

// A value or the reason there is none.
// Pre: value(), * and -> only when ok(); status() may always be asked.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): return value;
  Result(Status status)
      : status_(std::move(status)) {  // NOLINT(google-explicit-constructor): return status;
    HOEGO_CHECK(!status_.ok());
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& value() & {
    HOEGO_CHECK(ok());
    return *value_;
  }
  const T& value() const& {
    HOEGO_CHECK(ok());
    return *value_;
  }
  T&& value() && {
    HOEGO_CHECK(ok());
    return std::move(*value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T value_or(T other) const& { return ok() ? *value_ : std::move(other); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace hoego

#define HOEGO_CONCAT_INNER(a, b) a##b
#define HOEGO_CONCAT(a, b) HOEGO_CONCAT_INNER(a, b)

// Leaves the function with the status when it is not ok.
#define HOEGO_TRY(expr)                        \
  do {                                         \
    ::hoego::Status hoego_try_status = (expr); \
    if (!hoego_try_status.ok()) {              \
      return hoego_try_status;                 \
    }                                          \
  } while (false)

// HOEGO_TRY_ASSIGN(auto x, Make()): x is the value, or the function is left with the status.
#define HOEGO_TRY_ASSIGN(lhs, expr) \
  HOEGO_TRY_ASSIGN_INNER(HOEGO_CONCAT(hoego_result_, __LINE__), lhs, expr)
#define HOEGO_TRY_ASSIGN_INNER(result, lhs, expr) \
  auto result = (expr);                           \
  if (!result.ok()) {                             \
    return result.status();                       \
  }                                               \
  lhs = std::move(result).value()
