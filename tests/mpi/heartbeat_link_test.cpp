// The server of the signs of life, and strangers that find its port; and a world of one rank, which has none.
#include "mpi/heartbeat_link.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <future>
#include <sstream>
#include <thread>

#include "dist/self_communicator.hpp"
#include "mpi/watchdog.hpp"

namespace ctclip {
namespace {

using namespace std::chrono_literals;

struct Address {
    std::array<std::uint64_t, 2> word{};
    std::string host;
    std::uint16_t port = 0;
};

Address address_of(LinkServer const& server) {
    std::istringstream words(server.address());
    Address address;
    words >> address.word[0] >> address.word[1] >> address.host >> address.port;
    return address;
}

FileDescriptor connect_to(LinkServer const& server) {
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = htons(address_of(server).port);
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr const*>(&target), sizeof target), 0);
    return socket;
}

template <class T>
void send(FileDescriptor const& socket, T const& message) {
    EXPECT_EQ(::send(socket.get(), &message, sizeof message, MSG_NOSIGNAL),
              static_cast<ssize_t>(sizeof message));
}

bool is_closed_by_peer(FileDescriptor const& socket) {
    char byte = 0;
    ssize_t const count = ::recv(socket.get(), &byte, 1, MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno == ECONNRESET);
}

/// @return whoever has arrived within a second.
std::vector<LinkServer::Arrival> arrivals_at(LinkServer& server) {
    for (int i = 0; i < 100; ++i) {
        if (auto arrivals = server.accept(); !arrivals.empty()) {
            return arrivals;
        }
        std::this_thread::sleep_for(10ms);
    }
    return {};
}

TEST(LinkServer, HearsWhatComesTogetherWithTheHelloThoughTheRankHasGone) {
    LinkServer server;
    {
        FileDescriptor const rank = connect_to(server);
        send(rank, make_hello(address_of(server).word, 3));
        send(rank, RankSignal{.is_goodbye = 1, .step = 7});
    }
    auto arrivals = arrivals_at(server);
    ASSERT_EQ(arrivals.size(), 1U);
    EXPECT_EQ(arrivals[0].hello.rank, 3);
    std::optional<RankSignal> const signal = arrivals[0].stream.receive();
    ASSERT_TRUE(signal.has_value());
    EXPECT_EQ(signal->is_goodbye, 1U);
    EXPECT_EQ(signal->step, 7);
}

TEST(LinkServer, ClosesStrangersThatDoNotKnowTheWord) {
    LinkServer server;
    FileDescriptor const stranger = connect_to(server);
    send(stranger, make_hello({1, 2}, 0));
    for (int i = 0; i < 100 && !is_closed_by_peer(stranger); ++i) {
        EXPECT_TRUE(server.accept().empty());
        std::this_thread::sleep_for(10ms);
    }
    EXPECT_TRUE(is_closed_by_peer(stranger));
}

TEST(LinkServer, ClosesStrangersThatSayTooLittleForTooLong) {
    LinkServer server(200ms);
    FileDescriptor const stranger = connect_to(server);
    send(stranger, 'x');
    EXPECT_TRUE(server.accept().empty());
    EXPECT_FALSE(is_closed_by_peer(stranger));
    std::this_thread::sleep_for(250ms);
    EXPECT_TRUE(server.accept().empty());
    EXPECT_TRUE(is_closed_by_peer(stranger));
}

std::size_t num_sockets() {
    std::size_t number = 0;
    for (auto const& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code ignored;
        number += std::filesystem::read_symlink(entry, ignored).string().starts_with("socket:") ? 1 : 0;
    }
    return number;
}

TEST(Watchdog, OfOneRankNamesItsHangAndOpensNoPort) {
    std::size_t const before = num_sockets();
    SelfCommunicator world;
    Pulse::of_process().set_activity(Activity::kStep);
    std::promise<std::string> fault;
    Watchdog const watchdog(world, {.step_s = 0.3, .slow_s = 60.0},
                            [&](std::string const& text) { fault.set_value(text); });
    EXPECT_EQ(num_sockets(), before);
    std::future<std::string> ended = fault.get_future();
    ASSERT_EQ(ended.wait_for(10s), std::future_status::ready);
    EXPECT_THAT(ended.get(), testing::HasSubstr("rank 0 ("));
}

}  // namespace
}  // namespace ctclip
