#include "mpi/heartbeat_link.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "base/error.hpp"
#include "base/machine.hpp"

namespace ctclip {
namespace {

constexpr std::chrono::milliseconds kConnectPatience(2000);
constexpr int kBacklog = 1024;
/// Taken from a stream at a time: hours of signals.
constexpr std::size_t kMostStreamBytes = std::size_t{1} << 20;

/// IPv4 addresses under which other processes may reach this host.
std::vector<std::string> own_addresses() {
    std::vector<std::string> addresses;
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) {
        return addresses;
    }
    for (ifaddrs const* entry = first; entry != nullptr; entry = entry->ifa_next) {
        bool const is_usable = entry->ifa_addr != nullptr && entry->ifa_addr->sa_family == AF_INET &&
                               (entry->ifa_flags & IFF_UP) != 0;
        char text[INET_ADDRSTRLEN] = {};
        if (is_usable &&
            ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in const*>(entry->ifa_addr)->sin_addr, text,
                        sizeof text) != nullptr) {
            addresses.emplace_back(text);
        }
    }
    ::freeifaddrs(first);
    return addresses;
}

void make_non_blocking(int socket) {
    ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
    int const on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Adds what has come, up to `limit_bytes` in all. False: the other side is gone.
bool read_available(int socket, std::vector<std::byte>& received, std::size_t limit_bytes) {
    std::array<std::byte, 4096> buffer;
    while (received.size() < limit_bytes) {
        std::size_t const wanted = std::min(buffer.size(), limit_bytes - received.size());
        ssize_t const count = ::recv(socket, buffer.data(), wanted, MSG_DONTWAIT);
        if (count > 0) {
            received.insert(received.end(), buffer.begin(), buffer.begin() + count);
        } else if (count == 0) {
            return false;
        } else if (errno != EINTR) {
            return errno == EAGAIN || errno == EWOULDBLOCK;
        }
    }
    return true;
}

template <class T>
T take_first(std::vector<std::byte>& received) {
    T value;
    std::memcpy(&value, received.data(), sizeof value);
    received.erase(received.begin(), received.begin() + sizeof value);
    return value;
}

std::optional<FileDescriptor> connect_to(std::string const& address, int port) {
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = htons(static_cast<std::uint16_t>(port));
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket || ::inet_pton(AF_INET, address.c_str(), &target.sin_addr) != 1) {
        return std::nullopt;
    }
    make_non_blocking(socket.get());
    if (::connect(socket.get(), reinterpret_cast<sockaddr const*>(&target), sizeof target) == 0) {
        return socket;
    }
    pollfd waiting{.fd = socket.get(), .events = POLLOUT, .revents = 0};
    int problem = 0;
    socklen_t size = sizeof problem;
    bool const is_connected =
        errno == EINPROGRESS && ::poll(&waiting, 1, static_cast<int>(kConnectPatience.count())) == 1 &&
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &problem, &size) == 0 && problem == 0;
    return is_connected ? std::optional(std::move(socket)) : std::nullopt;
}

}  // namespace

LinkHello make_hello(std::array<std::uint64_t, 2> const& word, int rank) {
    LinkHello hello{.word = word, .rank = rank, .pid = ::getpid()};
    std::string const host = host_name();
    std::copy_n(host.begin(), std::min(host.size(), hello.host.size() - 1), hello.host.begin());
    return hello;
}

void SignalStream::send(RankSignal const& signal) const {
    // 56 bytes into an empty buffer: all or, where the other side has not read for hours, nothing.
    [[maybe_unused]] ssize_t const count =
        ::send(socket_.get(), &signal, sizeof signal, MSG_DONTWAIT | MSG_NOSIGNAL);
}

std::optional<RankSignal> SignalStream::receive() {
    is_open_ = is_open_ && read_available(socket_.get(), received_, kMostStreamBytes);
    std::optional<RankSignal> newest;
    while (received_.size() >= sizeof(RankSignal)) {
        newest = take_first<RankSignal>(received_);
    }
    return newest;
}

LinkServer::LinkServer(std::chrono::milliseconds patience)
    : patience_(patience), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_ANY);
    socklen_t size = sizeof local;
    bool const is_listening = listener_ &&
                              ::bind(listener_.get(), reinterpret_cast<sockaddr const*>(&local), size) == 0 &&
                              ::listen(listener_.get(), kBacklog) == 0 &&
                              ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&local), &size) == 0;
    if (!is_listening) {
        fail_errno(ExitCode::kUnavailable, "open a TCP port for the ranks' signs of life", errno);
    }
    port_ = ntohs(local.sin_port);
    if (::getrandom(word_.data(), sizeof word_, 0) != static_cast<ssize_t>(sizeof word_)) {
        fail_errno(ExitCode::kUnavailable, "getrandom", errno);
    }
}

std::string LinkServer::address() const {
    std::string text = fmt::format("{} {} {} {}", word_[0], word_[1], host_name(), port_);
    for (std::string const& address : own_addresses()) {
        text += " " + address;
    }
    return text;
}

std::vector<LinkServer::Arrival> LinkServer::accept() {
    for (;;) {
        FileDescriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!socket) {
            break;
        }
        make_non_blocking(socket.get());
        newcomers_.push_back({std::move(socket), std::chrono::steady_clock::now() + patience_, {}});
    }
    std::vector<Arrival> arrivals;
    std::erase_if(newcomers_, [&](Newcomer& newcomer) {
        // No further than the hello: the signals behind it are the stream's.
        bool const is_open = read_available(newcomer.socket.get(), newcomer.received, sizeof(LinkHello));
        if (newcomer.received.size() < sizeof(LinkHello)) {
            return !is_open || std::chrono::steady_clock::now() >= newcomer.deadline;
        }
        auto const hello = take_first<LinkHello>(newcomer.received);
        if (hello.word == word_) {
            arrivals.push_back({hello, SignalStream(std::move(newcomer.socket))});
        }
        return true;
    });
    return arrivals;
}

std::optional<SignalStream> connect_to_rank_0(std::string const& address, int rank) {
    std::istringstream words(address);
    std::array<std::uint64_t, 2> word{};
    std::string host;
    int port = 0;
    words >> word[0] >> word[1] >> host >> port;
    for (std::string candidate; words >> candidate;) {
        // Another host's loopback is this one's own.
        if (candidate.starts_with("127.") && host != host_name()) {
            continue;
        }
        if (std::optional<FileDescriptor> socket = connect_to(candidate, port)) {
            LinkHello const hello = make_hello(word, rank);
            if (::send(socket->get(), &hello, sizeof hello, MSG_NOSIGNAL) ==
                static_cast<ssize_t>(sizeof hello)) {
                return SignalStream(std::move(*socket));
            }
        }
    }
    return std::nullopt;
}

}  // namespace ctclip
