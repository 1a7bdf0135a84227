#include "api/http/internal/event_feed.h"

#include <utility>

#include "api/http/internal/connection.h"

namespace hoego::http::internal {

std::string FormatEvent(std::string_view event, std::string_view data, std::string_view id) {
  const auto one_line = [](std::string_view s) { return s.substr(0, s.find_first_of("\r\n")); };
  std::string text;
  if (event.empty() && data.empty() && id.empty()) {
    return ":\n\n";  // a comment: keeps the connection alive, reaches nobody
  }
  if (!id.empty()) {
    text.append("id: ").append(one_line(id)).append("\n");
  }
  if (!event.empty()) {
    text.append("event: ").append(one_line(event)).append("\n");
  }
  while (true) {
    const size_t end = data.find_first_of("\r\n");
    text.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) {
      break;
    }
    const bool crlf = data[end] == '\r' && end + 1 < data.size() && data[end + 1] == '\n';
    data.remove_prefix(end + (crlf ? 2 : 1));
  }
  return text.append("\n");
}

EventFeed::EventFeed(std::weak_ptr<Connection> connection, size_t max_bytes)
    : connection_(std::move(connection)), max_bytes_(max_bytes) {}

bool EventFeed::Send(std::string_view event, std::string_view data, std::string_view id) {
  const std::string text = FormatEvent(event, data, id);
  {
    MutexLock lock(mu_);
    if (closed_ || cut_ || text_.size() + text.size() > max_bytes_) {
      return false;
    }
    text_.append(text);
    if (std::exchange(woken_, true)) {
      return true;
    }
  }
  Wake();
  return true;
}

void EventFeed::Close() {
  std::function<void()> ended;  // destroyed when the lock is free again: it may hold the handle
  {
    MutexLock lock(mu_);
    if (closed_ || cut_) {
      return;
    }
    closed_ = true;
    ended = std::exchange(ended_, nullptr);
    if (std::exchange(woken_, true)) {
      return;
    }
  }
  Wake();
}

void EventFeed::Wake() {
  if (const std::shared_ptr<Connection> connection = connection_.lock()) {
    connection->WakeForFeed();
  }
}

EventFeed::Waiting EventFeed::Take() {
  MutexLock lock(mu_);
  woken_ = false;
  return {std::exchange(text_, {}), closed_};
}

void EventFeed::OnEnd(std::function<void()> ended) {
  {
    MutexLock lock(mu_);
    if (!closed_ && !cut_) {
      ended_ = std::move(ended);
      return;
    }
  }
  ended();
}

void EventFeed::Cut() {
  std::function<void()> ended;
  {
    MutexLock lock(mu_);
    cut_ = true;
    text_ = std::string();
    ended = std::exchange(ended_, nullptr);
  }
  if (ended) {
    ended();
  }
}

void EventFeed::Drain() {
  std::function<void()> ended;
  {
    MutexLock lock(mu_);
    ended = std::exchange(ended_, nullptr);
  }
  Close();
  if (ended) {
    ended();
  }
}

}  // namespace hoego::http::internal
