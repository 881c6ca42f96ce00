// libedit as Swift sees it: its functions with arguments of all kinds, each kind under a name of its own.
#pragma once
#include <histedit.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

typedef unsigned char (*ce_command)(EditLine *, wint_t);

// Has this thread, and no other, take texts for UTF-8, whatever the user's locale says: libedit asks the thread's.
static inline void ce_use_utf8(void) {
  locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  if (utf8 == (locale_t)0) utf8 = newlocale(LC_CTYPE_MASK, "en_US.UTF-8", (locale_t)0);
  if (utf8 != (locale_t)0) uselocale(utf8);
}

// An editor that reads from one descriptor and draws on another; NULL where there is no memory or no terminal.
static inline EditLine *ce_open(const char *program, int input, int output) {
  FILE *from = fdopen(dup(input), "r");
  FILE *to = fdopen(dup(output), "w");
  FILE *errors = fdopen(dup(output), "w");
  EditLine *editor = from && to && errors ? el_init_fd(program, from, to, errors, input, output, output) : NULL;
  if (editor) return editor;
  if (from) fclose(from);
  if (to) fclose(to);
  if (errors) fclose(errors);
  return NULL;
}

static inline void ce_close(EditLine *editor) {
  FILE *files[3] = {NULL, NULL, NULL};
  for (int place = 0; place < 3; place++) el_get(editor, EL_GETFP, place, &files[place]);
  el_end(editor);
  for (int place = 0; place < 3; place++)
    if (files[place]) fclose(files[place]);
}

static inline void ce_set_owner(EditLine *editor, void *owner) { el_wset(editor, EL_CLIENTDATA, owner); }

static inline void *ce_owner(EditLine *editor) {
  void *owner = NULL;
  el_wget(editor, EL_CLIENTDATA, &owner);
  return owner;
}

static inline void ce_set_prompt(EditLine *editor, wchar_t *(*prompt)(EditLine *)) {
  el_wset(editor, EL_PROMPT, prompt);
}

static inline void ce_set_reader(EditLine *editor, int (*reader)(EditLine *, wchar_t *)) {
  el_wset(editor, EL_GETCFN, reader);
}

static inline void ce_set_editing(EditLine *editor) { el_set(editor, EL_EDITMODE, 1); }

static inline void ce_add_command(EditLine *editor, const wchar_t *name, ce_command command) {
  el_wset(editor, EL_ADDFN, name, name, command);
}

static inline void ce_use_keys(EditLine *editor, const char *map) { el_set(editor, EL_EDITOR, map); }

static inline void ce_bind(EditLine *editor, const char *key, const char *command) {
  el_set(editor, EL_BIND, key, command, NULL);
}

// Has the editor do without something that the terminal can, by its name in termcap.
static inline void ce_do_without(EditLine *editor, const char *ability) {
  el_set(editor, EL_SETTC, ability, "", NULL);
}

// Has it take a mode of the terminal for switched off also where no line is edited.
static inline void ce_leave_off(EditLine *editor, const char *mode) {
  el_set(editor, EL_SETTY, "-x", mode, NULL);
}

// Draws the line anew from where the cursor is.
static inline void ce_refresh(EditLine *editor) { el_set(editor, EL_REFRESH); }

static inline HistoryW *ce_history(EditLine *editor, int size) {
  HistoryW *lines = history_winit();
  HistEventW event;
  if (!lines) return NULL;
  history_w(lines, &event, H_SETSIZE, size);
  history_w(lines, &event, H_SETUNIQUE, 1);
  el_wset(editor, EL_HIST, history_w, lines);
  return lines;
}

static inline void ce_remember(HistoryW *lines, const wchar_t *line) {
  HistEventW event;
  history_w(lines, &event, H_ENTER, line);
}

// How many columns a character takes; -1 for what is not to be seen. For any thread, whatever its locale.
static inline int ce_columns(uint32_t character) {
  static _Thread_local locale_t utf8 = (locale_t)0;
  if (utf8 == (locale_t)0) utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  if (utf8 == (locale_t)0) return wcwidth((wchar_t)character);
  locale_t before = uselocale(utf8);
  int columns = wcwidth((wchar_t)character);
  uselocale(before);
  return columns;
}
