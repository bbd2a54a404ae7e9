/* SPDX-License-Identifier: MIT */
/* Stopped while it handles an exception, which the C++ runtime holds. */
#include <exception>
#include <string>

#include "samples/truth.h"

namespace bank {

/* What is thrown; the object lies behind the runtime's own header. */
class Refused {
public:
	explicit Refused(double a) : amount(a),
		reason("the account does not have the amount it was asked for") {}
	double amount;
	std::string reason;
};

std::exception_ptr last_failure;

static void withdraw(double amount)
{
	throw Refused(amount);
}

} // namespace bank

/* Kept by an exception_ptr, long after the handler ended. */
TRUTH_APART static void fail_earlier()
{
	try {
		bank::withdraw(10);
	} catch (const bank::Refused &refused) {
		bank::last_failure = std::current_exception();
		truth_held(refused.reason.data());
	}
}

TRUTH_APART static int fail_now()
{
	try {
		bank::withdraw(20);
	} catch (const bank::Refused &refused) {
		truth_held(refused.reason.data());
		return truth_stop();
	}
	return 1;
}

/* Thrown away by a longer way round than its destructor. */
TRUTH_APART static void lose_failure()
{
	auto *refused = new bank::Refused(30);

	truth_leaked(refused);
	truth_leaked(refused->reason.data());
}

int main()
{
	truth_begin("caught");
	fail_earlier();
	lose_failure();
	truth_group("block", "bank::Refused", 1);
	truth_scrub();
	return fail_now();
}
