#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/http/internal/answer_sink.h"
#include "api/http/internal/asio.h"
#include "api/http/internal/exchange.h"
#include "api/http/internal/loop.h"
#include "api/http/internal/out_queue.h"
#include "api/http/internal/request_reader.h"

namespace hoego::http::internal {

// One client. Reads requests as long as there is room, hands each to its handler, and writes the
// answers in the order of the requests, whatever the order they come in.
//
//   open ── last answer written ──▶ closing ── all bytes written ──▶ lingering ──▶ closed
//     └──────── client gone, write timeout, Stop ────────────────────────────────▶ closed
//
// Lingering: our side is shut, what the client still sends is thrown away, so that the last answer
// is not lost to a reset.
//
// Life: owned by its loop while open; then by the Responders that still hold it. Exchanges whose
// handler has not answered are freed only with the connection: their views stay good. Threads:
// AnswerSink's methods from any; the rest on the loop's.
class Connection final : public AnswerSink, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Loop> loop, int fd,
             bool is_v6);  // Pre: counted by Core::ConnectionOpened
  ~Connection() override;

  void Start(bool over_limit);
  void Tick(SteadyTime now);  // looks at every wait
  void BeginDrain();
  void Close();        // at once
  void WakeForFeed();  // an event stream has text; any thread

  void Answer(Exchange* exchange, Response response) override;
  std::shared_ptr<EventStream> Stream(Exchange* exchange) override;
  bool gone() const override { return gone_.load(std::memory_order_acquire); }

  static constexpr size_t kNoSlot = SIZE_MAX;
  size_t slot = kNoSlot;  // its place in the loop's list

 private:
  // Reading (connection_read.cc)
  void Advance();       // takes requests, writes answers, reads on
  bool TakeRequests();  // true: stopped because there is no room
  bool TakeStep();      // false: nothing more to be had from the bytes at hand
  std::optional<Response> CheckHead(Exchange& x);
  std::optional<Response> FindRoute(Exchange& x);
  void OnHead();
  void OnBody(std::string_view piece);
  void OnEnd();
  bool ChargeBody(Exchange& x, size_t bytes);
  std::optional<Response> Unpack(Exchange& x);
  void Dispatch(Exchange& x);
  void Refuse(Exchange& x, Response response, bool close);
  void RefuseHead(Refusal refusal);
  bool HasRoom() const;
  std::string_view unread() const { return in_.view().substr(in_begin_); }

  // Sockets and time (connection.cc)
  void StartRead();
  void OnRead(const boost::system::error_code& error, size_t n, bool direct);
  void OnEof();
  void WriteOut();
  void BeginLinger();
  void TickReading(SteadyTime now);
  void TickAnswering(SteadyTime now);

  // Answering (connection_write.cc)
  void Complete(Exchange& x, Response response);
  void Flush();
  void AppendAnswer(Exchange& x);
  bool PumpStream(Exchange& x);  // true: the stream has ended
  void FinishFront();
  void AnswerAndClose(Response response);  // past a handler that does not answer
  void Count(Exchange& x, int status);

  const std::shared_ptr<Loop> loop_;  // first in, last out: the socket needs its io_context
  Core& core_;
  Socket socket_;
  std::string remote_;
  std::string local_;
  std::string good_host_;  // the last Host that passed
  RequestReader reader_;
  ByteBuffer in_;
  size_t in_begin_ = 0;
  std::unique_ptr<Exchange> fresh_;               // its head is being read
  Exchange* current_ = nullptr;                   // its body is being read; the last of queue_
  std::vector<std::unique_ptr<Exchange>> queue_;  // in the order of the requests
  OutQueue out_;
  std::atomic<bool> gone_{false};

  bool open_ = false;
  bool closing_ = false;  // the last answer is in out_
  bool lingering_ = false;
  bool eof_ = false;
  bool stop_taking_ = false;  // no further request is read
  bool draining_ = false;
  bool discarding_ = false;  // the rest of a refused request's body
  bool reading_ = false;     // a read is under way: the buffer it fills must not move
  bool write_waits_ = false;
  bool advancing_ = false;
  bool served_ = false;  // at least one request was taken
  size_t linger_bytes_ = 0;
  size_t body_bytes_ = 0;
  SteadyTime now_{};  // when this thread last looked
  SteadyTime idle_since_{};
  SteadyTime head_since_{};
  SteadyTime body_since_{};
  SteadyTime write_since_{};  // of the last byte taken by the client, while any wait
  SteadyTime linger_since_{};
  SteadyTime fed_at_{};  // of the last bytes of an event stream
};

}  // namespace hoego::http::internal
