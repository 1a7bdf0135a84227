#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api/http/responder.h"
#include "base/mutex.h"

namespace hoego::http::internal {

class Connection;

// The two ends of an event stream: handlers push text in, the connection pulls it out.
// Threads: any.
class EventFeed {
 public:
  EventFeed(std::weak_ptr<Connection> connection, size_t max_bytes);

  // The handler's end, see EventStream.
  bool Send(std::string_view event, std::string_view data, std::string_view id);
  void Close();
  void OnEnd(std::function<void()> ended);

  // The connection's end: what waits, and whether it was the last.
  struct Waiting {
    std::string text;
    bool last;
  };
  Waiting Take();
  void Cut();    // the client is gone
  void Drain();  // the server leaves: what waits is still taken

 private:
  void Wake();

  const std::weak_ptr<Connection> connection_;
  const size_t max_bytes_;
  Mutex mu_;
  std::string text_ GUARDED_BY(mu_);
  std::function<void()> ended_ GUARDED_BY(mu_);
  bool closed_ GUARDED_BY(mu_) = false;
  bool cut_ GUARDED_BY(mu_) = false;
  bool woken_ GUARDED_BY(mu_) = false;  // the connection was told and has not come yet
};

// What a handler holds: letting go of it closes the stream.
class FeedHandle final : public EventStream {
 public:
  explicit FeedHandle(std::shared_ptr<EventFeed> feed) : feed_(std::move(feed)) {}
  ~FeedHandle() override { feed_->Close(); }
  bool Send(std::string_view event, std::string_view data, std::string_view id) override {
    return feed_->Send(event, data, id);
  }
  void Close() override { feed_->Close(); }
  void OnEnd(std::function<void()> ended) override { feed_->OnEnd(std::move(ended)); }

 private:
  const std::shared_ptr<EventFeed> feed_;
};

// One event in the text/event-stream format: every line of the data with its own "data: ".
std::string FormatEvent(std::string_view event, std::string_view data, std::string_view id);

}  // namespace hoego::http::internal
