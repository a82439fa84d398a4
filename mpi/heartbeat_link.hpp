/// A TCP connection of every rank to rank 0, beside MPI: MPI calls of a second thread, or to a rank that
/// hangs, may hang themselves. Only those get in who know a word that rank 0 made up and told over MPI.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"
#include "dist/communicator.hpp"
#include "mpi/watchdog_rules.hpp"

namespace ctclip {

/// Who is at the other end; the first message of a connection.
struct LinkHello {
    std::array<std::uint64_t, 2> word{};
    std::int32_t rank = 0;
    std::int32_t pid = 0;
    std::array<char, 64> host{};
};

/// One connection that carries RankSignals both ways. Nothing blocks.
class SignalStream {
  public:
    explicit SignalStream(FileDescriptor socket) : socket_(std::move(socket)) {}

    /// Lost where the other side does not read: the next one says as much.
    void send(RankSignal const& signal) const;
    /// The newest signal that has come, if any.
    std::optional<RankSignal> receive();
    bool is_open() const { return is_open_; }
    int descriptor() const { return socket_.get(); }

  private:
    FileDescriptor socket_;
    std::vector<std::byte> received_;
    bool is_open_ = true;
};

/// Rank 0's end.
class LinkServer {
  public:
    /// Listens on a free TCP port of all interfaces.
    /// @param patience  for a connection to say hello; then it is closed, as one without the word is at once.
    /// @throws Error kUnavailable when no port can be opened.
    explicit LinkServer(std::chrono::milliseconds patience = std::chrono::seconds(5));

    /// Where it listens and the word, for connect_to_rank_0.
    std::string address() const;
    /// Connections that have come and said hello.
    struct Arrival {
        LinkHello hello;
        SignalStream stream;
    };
    std::vector<Arrival> accept();

  private:
    struct Newcomer {
        FileDescriptor socket;
        std::chrono::steady_clock::time_point deadline;
        std::vector<std::byte> received;
    };

    std::chrono::milliseconds patience_;
    FileDescriptor listener_;
    int port_ = 0;
    std::array<std::uint64_t, 2> word_{};
    std::vector<Newcomer> newcomers_;
};

/// Another rank's end. @param address  LinkServer::address() of rank 0. Nothing where rank 0 cannot be
/// reached.
std::optional<SignalStream> connect_to_rank_0(std::string const& address, int rank);

LinkHello make_hello(std::array<std::uint64_t, 2> const& word, int rank);

}  // namespace ctclip
