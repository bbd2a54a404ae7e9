/* SPDX-License-Identifier: MIT */
/*
 * A cache of weak pointers that nobody prunes. Images made by make_shared are
 * destroyed, but their memory stays for as long as a weak pointer counts.
 */
#include <memory>
#include <vector>

#include "samples/truth.h"

namespace gallery {

enum { N_IMAGES = 40, N_SHOWN = 8 };

struct Image {
	unsigned width, height;
	double gamma;
	unsigned char thumbnail[300];
};

std::vector<std::weak_ptr<Image>> cache;
std::vector<std::shared_ptr<Image>> shown;

static std::shared_ptr<Image> load(unsigned number)
{
	auto image = std::make_shared<Image>();

	image->width = 100 + number;
	image->height = 75;
	image->gamma = 2.2;
	cache.push_back(image);
	return image;
}

} // namespace gallery

TRUTH_APART static void browse()
{
	for (unsigned i = 0; i < gallery::N_IMAGES; i++) {
		auto image = gallery::load(i);

		if (i >= gallery::N_SHOWN) {
			truth_add(truth_control_block(image), TRUTH_WEAK);
			continue;
		}
		gallery::shown.push_back(image);
		truth_held(truth_control_block(image));
	}
	truth_root(gallery::cache.data(), "cache");
	truth_root(gallery::shown.data(), "shown");
}

int main()
{
	truth_begin("weak_cache");
	browse();
	truth_type("make_shared<gallery::Image>", gallery::N_IMAGES);
	return truth_stop();
}
