/* SPDX-License-Identifier: MIT */
/* Polymorphic objects: their first word says what they are. */
#include <memory>
#include <string>
#include <vector>

#include "samples/truth.h"

namespace geo {

struct Point {
	double x, y;
};

class Shape {
public:
	virtual ~Shape() = default;
	virtual double area() const = 0;
};

class Named {
public:
	explicit Named(std::string n) : name(std::move(n)) {}
	virtual ~Named() = default;
	std::string name;
};

class Circle : public Shape {
public:
	explicit Circle(double r) : center{ 0, 0 }, radius(r) {}
	double area() const override { return 3.14159 * radius * radius; }
	Point center;
	double radius;
};

class Polygon : public Shape {
public:
	double area() const override { return 0.5 * double(corners.size()); }
	std::vector<Point> corners;
};

namespace text {

/* Two bases with vtables: whoever knows it as Named points into it. */
class Label : public Shape, public Named {
public:
	explicit Label(std::string n) : Named(std::move(n)), width(8) {}
	double area() const override { return width; }
	double width;
};

} // namespace text

std::vector<Shape *> scene;
std::vector<Named *> index;

} // namespace geo

enum { N_EACH = 30, N_LOST = 6 };

static geo::Polygon *new_polygon(unsigned corners)
{
	auto *polygon = new geo::Polygon;

	for (unsigned i = 0; i < corners; i++)
		polygon->corners.push_back({ double(i), 1.0 });
	return polygon;
}

TRUTH_APART static void draw()
{
	for (unsigned i = 0; i < N_EACH; i++) {
		auto *circle = new geo::Circle(i);
		auto *polygon = new_polygon(3 + i % 5);
		auto *label = new geo::text::Label("the label of shape number " +
						   std::to_string(i));

		geo::scene.push_back(circle);
		geo::scene.push_back(polygon);
		geo::index.push_back(label);
		truth_held(circle);
		truth_held(polygon);
		truth_held(polygon->corners.data());
		truth_held(label);
		truth_held(label->name.data());
	}
	truth_root(geo::scene.data(), "scene");
	truth_root(dynamic_cast<void *>(geo::index[3]), "index");
}

TRUTH_APART static void lose_polygons()
{
	for (unsigned i = 0; i < N_LOST; i++) {
		auto *polygon = new_polygon(4);

		truth_leaked(polygon);
		truth_leaked(polygon->corners.data());
	}
}

TRUTH_APART static void lose_circles()
{
	for (unsigned i = 0; i < N_LOST; i++)
		truth_leaked(new geo::Circle(i));
}

int main()
{
	truth_begin("virtual_shapes");
	draw();
	lose_polygons();
	truth_group("block", "geo::Polygon", N_LOST);
	lose_circles();
	truth_group("block", "geo::Circle", N_LOST);
	truth_type("geo::Circle", N_EACH + N_LOST);
	truth_type("geo::Polygon", N_EACH + N_LOST);
	truth_type("geo::text::Label", N_EACH);
	return truth_stop();
}
