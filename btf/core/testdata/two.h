// What the two objects of the CO-RE test share: the numbers of their results. Types they share by name only.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef int s32;
typedef long long s64;

enum result {
	PID,                // int, elsewhere
	WIDENED,            // u32 here, u64 there
	NARROWED,           // u64 here, u16 there
	POINTER,            // a pointer, elsewhere
	SIGNED_WIDENED,     // int here, long long there: a load cannot be adapted, so guarded by the size
	ARRAY_ELEMENT,      // element of an array that is longer there
	ARRAY_FIRST,        // an array that is longer there, read by its name: what is loaded is an element
	ARRAY_OF_STRUCTS,   // member of an element whose size differs
	ARRAY_OF_ARRAYS,    // element of an array of arrays of other dimensions
	FLEXIBLE,           // element of a flexible array
	UNNAMED,            // in unnamed struct and union there, none here
	UNNAMED_HERE,       // in an unnamed struct here, none there
	NESTED,             // in a named struct, behind const and a typedef
	BITS_UNSIGNED,      // bitfield, elsewhere and wider
	BITS_SIGNED,        // negative bitfield
	BITS_CROSSING,      // bitfield that needs a larger load there
	BITS_TO_INT,        // bitfield here, plain int there
	INT_TO_BITS,        // plain int here, bitfield there
	FLAVOUR_OLD,        // field of a flavour that the kernel is not
	FLAVOUR_NEW,        // field of the flavour that it is
	EXISTS_YES,
	EXISTS_NO,
	EXISTS_WRONG_TYPE,
	SIZE_ARRAY,
	SIZE_FIELD,
	SIGNED_YES,
	SIGNED_NO,
	TYPE_EXISTS_YES,
	TYPE_EXISTS_NO,
	TYPE_EXISTS_WRONG_KIND,
	TYPE_SIZE,
	TYPE_SIZE_MISSING,
	TYPE_ID_MISSING,
	TYPE_MATCHES_YES,
	TYPE_MATCHES_NO,
	TYPE_MATCHES_PROTO,
	ENUM_VALUE,
	ENUM_NEGATIVE,
	ENUM_EXISTS_YES,
	ENUM_EXISTS_NO,
	ENUM64_VALUE,
	ENUM_BECAME_ENUM64,
	MISSING_GUARDED,    // read of a missing field behind a check that it exists
	RESULTS
};
