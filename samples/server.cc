/* SPDX-License-Identifier: MIT */
/*
 * A small session server with four bugs, after a busy night:
 *   1. sessions that log out are unlinked from the table but not deleted;
 *   2. rooms and their members own each other by shared_ptr;
 *   3. the avatar cache has no limit (nothing is lost, all of it is held);
 *   4. a worker drops the handlers of requests that time out.
 */
#include <memory>
#include <pthread.h>
#include <semaphore.h>
#include <string>
#include <unordered_map>
#include <vector>

#include "samples/truth.h"

namespace chat {

enum {
	N_LOGINS = 400, N_LOGOUTS = 4, LOGOUT_BATCH = 60, N_ROOMS = 120,
	N_MEMBERS = 4, N_AVATARS = 1500, N_REQUESTS = 300,
};

struct Session {
	Session *next;
	std::string user;
	double last_seen;
	unsigned id;
	char address[20];
};

struct Room;

struct Member {
	std::shared_ptr<Room> room;	/* bug 2: should be weak */
	double joined;
	char nickname[120];
};

struct Room {
	std::string topic;
	std::vector<std::shared_ptr<Member>> members;
};

struct Avatar {
	std::string url;
	std::vector<unsigned char> pixels;
	double fetched;
};

class Handler {
public:
	virtual ~Handler() = default;
	virtual void run() = 0;
};

class LoginHandler : public Handler {
public:
	explicit LoginHandler(unsigned n) : user("login of user " +
		std::to_string(n) + "@example.org"), attempt(n) {}
	void run() override { attempt++; }
	std::string user;
	unsigned attempt;
};

class UploadHandler : public Handler {
public:
	explicit UploadHandler(unsigned n) : body(2000 + n), offset(0) {}
	void run() override { offset += 100; }
	std::vector<unsigned char> body;
	size_t offset;
};

struct Server {
	Session *sessions = nullptr;
	std::vector<std::shared_ptr<Room>> rooms;
	std::vector<Handler *> handlers;
	unsigned long requests = 0;
};

Server server;
std::unordered_map<std::string, std::unique_ptr<Avatar>> avatar_cache;
static sem_t ready, quit;

static Session *login(Session *next, unsigned id)
{
	auto *s = new Session{ next, "user" + std::to_string(id) +
			       "@chat.example.org", 0.5 * id, id, "" };

	snprintf(s->address, sizeof(s->address), "10.0.%u.%u", id / 256, id % 256);
	return s;
}

/* Bug 1: a whole list of sessions goes out of sight. */
TRUTH_APART static void logout_batch(unsigned first)
{
	Session *gone = nullptr;

	for (unsigned i = 0; i < LOGOUT_BATCH; i++) {
		gone = login(gone, first + i);
		truth_leaked(gone);
		truth_leaked(gone->user.data());
	}
}

static std::shared_ptr<Room> open_room(unsigned number)
{
	auto room = std::make_shared<Room>();

	room->topic = "All about the matter number " + std::to_string(number);
	room->members.reserve(N_MEMBERS);
	for (unsigned i = 0; i < N_MEMBERS; i++) {
		auto member = std::make_shared<Member>();

		member->room = room;
		member->joined = 0.5 * i;
		snprintf(member->nickname, sizeof(member->nickname), "nick%u", i);
		room->members.push_back(member);
	}
	return room;
}

/* Bug 2: closing drops the last pointer from outside. */
TRUTH_APART static void close_room(unsigned number)
{
	auto room = open_room(number);

	truth_leaked(truth_control_block(room));
	truth_leaked(room->topic.data());
	truth_leaked(room->members.data());
	for (const auto &member : room->members)
		truth_leaked(truth_control_block(member));
}

/* Bug 3: nothing is ever evicted. */
static void fetch_avatar(unsigned id)
{
	auto avatar = std::make_unique<Avatar>();

	avatar->url = "https://cdn.example.org/avatars/" + std::to_string(id);
	avatar->pixels.resize(1024);
	avatar->fetched = 0.25 * id;
	truth_held(avatar.get());
	truth_held(avatar->pixels.data());
	avatar_cache.emplace(avatar->url, std::move(avatar));
}

/* Bug 4: the timeout path forgets to delete. */
TRUTH_APART static void time_out(unsigned n)
{
	auto *handler = new UploadHandler(n);

	truth_leaked(handler);
	truth_leaked(handler->body.data());
}

TRUTH_APART static void serve_requests()
{
	for (unsigned i = 0; i < N_REQUESTS; i++) {
		auto *handler = new LoginHandler(i);

		handler->run();
		server.handlers.push_back(handler);
		truth_held(handler);
		if (i % 10 == 9)
			time_out(i);
		server.requests++;
	}
}

static void *work(void *)
{
	pthread_setname_np(pthread_self(), "worker");
	serve_requests();
	truth_scrub();
	sem_post(&ready);
	sem_wait(&quit);
	return nullptr;
}

TRUTH_APART static void busy_night()
{
	for (unsigned i = 0; i < N_LOGINS; i++) {
		server.sessions = login(server.sessions, i);
		truth_held(server.sessions);
	}
	for (unsigned i = 0; i < N_AVATARS; i++)
		fetch_avatar(i);
	for (unsigned i = 0; i < 10; i++)
		server.rooms.push_back(open_room(i));
	truth_root(server.sessions, "server");
	truth_root(avatar_cache.begin()->second.get(), "avatar_cache");
}

TRUTH_APART static void start_worker()
{
	pthread_t thread;

	sem_init(&ready, 0, 0);
	sem_init(&quit, 0, 0);
	pthread_create(&thread, nullptr, work, nullptr);
	sem_wait(&ready);
}

} // namespace chat

int main()
{
	using namespace chat;

	truth_begin("server");
	busy_night();
	for (unsigned i = 0; i < N_LOGOUTS; i++)
		logout_batch(1000 + i * LOGOUT_BATCH);
	truth_group("block", "chat::Session", N_LOGOUTS);
	for (unsigned i = 0; i < N_ROOMS; i++)
		close_room(i);
	truth_group("cycle", "make_shared<chat::Member>", N_ROOMS);
	start_worker();
	truth_group("block", "chat::UploadHandler", N_REQUESTS / 10);
	truth_type("chat::Avatar", N_AVATARS);
	truth_type("chat::LoginHandler", N_REQUESTS);
	return truth_stop();
}
