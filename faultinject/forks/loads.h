/*
 * loads.h: whether a program that is executed loads a library that the
 * environment names.
 */
#ifndef SF_LOADS_H
#define SF_LOADS_H

enum sf_loads {
    SF_LOADS,     /* as a program, or by what it is a script for    */
    SF_LOADS_NOT, /* it is static, or has rights that forbid it      */
    SF_LOADS_NONE /* it is none, or none that can be read: it fails   */
};

enum sf_loads sf_loads(const char *path);
enum sf_loads sf_loads_by(int fd);

#endif
