// An ICE agent of libnice's, which meets one of ours over loopback and looks at every datagram that comes.
//
// usage: nice_agent [options] controlling|controlled
//   -n COUNT           datagrams of its own: 100 where nothing is said
//   -t ADDRESS:PORT    a TURN server, over IPv4
//   -u USER -p WORD    as whom it asks there
//   -T                 asks over TCP
//   -R                 uses nothing but what the TURN server gives
//   -A                 nominates each pair that it tries (RFC 5245, 8.1.1.2)
//   -e                 asks nothing, and sends back backwards whatever comes, until a zero byte ends it
//
// It writes its SDP to the standard output, ending in `a=end-of-candidates`, and reads ours from the standard input to its end.
// A datagram is a letter, a number in two bytes, and bytes that follow from the number (`filling`). `Q` asks and is sent back
// as an `A` that is otherwise the same; `E` ends it. Each side asks so often, with a few questions under way. At the end it
// says on a line what came back, what came back altered, how often it was asked, and by which kinds of candidates.
#include <nice/agent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 8, LARGEST = 1100, SECONDS = 25 };

static GMainLoop *loop;
static NiceAgent *agent;
static guint stream;
static unsigned wanted = 100, asked, answered, altered, echoed;
static gboolean isOpen, hasEnded, isEcho;
static char path[64] = "none none";
static GQueue waiting = G_QUEUE_INIT;

static size_t length_of(unsigned number) { return 3 + number * 37 % (LARGEST - 3); }

static unsigned char filling(unsigned number, size_t place) { return (unsigned char)(number * 31 + place * 7); }

static void write_datagram(char letter, unsigned number, unsigned char *bytes) {
  bytes[0] = (unsigned char)letter;
  bytes[1] = (unsigned char)(number >> 8);
  bytes[2] = (unsigned char)number;
  for (size_t place = 3; place < length_of(number); place++) bytes[place] = filling(number, place);
}

static gboolean is_whole(const unsigned char *bytes, size_t count, unsigned number) {
  if (count != length_of(number)) return FALSE;
  for (size_t place = 3; place < count; place++) {
    if (bytes[place] != filling(number, place)) return FALSE;
  }
  return TRUE;
}

static void end_if_done(void) {
  if (hasEnded && answered + altered >= wanted) g_main_loop_quit(loop);
}

static void ask(void) {
  unsigned char bytes[LARGEST];
  while (isOpen && asked < wanted && asked < answered + altered + WINDOW) {
    write_datagram('Q', asked, bytes);
    if (nice_agent_send(agent, stream, 1, (guint)length_of(asked), (const gchar *)bytes) < 0) return;
    asked++;
  }
}

// What has come, backwards; it waits until this side may send, which is a little later than the other.
static void echo_backwards(void) {
  for (GBytes *bytes; isOpen && (bytes = g_queue_pop_head(&waiting)); g_bytes_unref(bytes)) {
    gsize count;
    const gchar *data = g_bytes_get_data(bytes, &count);
    gchar *text = g_strreverse(g_strndup(data, count));
    nice_agent_send(agent, stream, 1, (guint)count, text);
    g_free(text);
    echoed++;
  }
}

static void received(NiceAgent *from, guint of, guint component, guint count, gchar *text, gpointer data) {
  (void)from, (void)of, (void)component, (void)data;
  unsigned char *bytes = (unsigned char *)text;
  if (isEcho && count == 1 && bytes[0] == 0) {
    hasEnded = TRUE;
    return end_if_done();
  }
  if (isEcho) {
    g_queue_push_tail(&waiting, g_bytes_new(text, count));
    return echo_backwards();
  }
  if (count == 1 && bytes[0] == 'E') {
    hasEnded = TRUE;
    return end_if_done();
  }
  if (count < 3 || count > LARGEST) {
    altered++;
    return;
  }
  unsigned number = (unsigned)bytes[1] << 8 | bytes[2];
  if (bytes[0] == 'Q' && is_whole(bytes, count, number)) {
    bytes[0] = 'A';
    nice_agent_send(agent, stream, 1, count, text);
    echoed++;
  } else if (bytes[0] == 'A' && is_whole(bytes, count, number)) {
    answered++;
  } else {
    altered++;
  }
  ask();
  end_if_done();
}

static const char *kind(const NiceCandidate *candidate) {
  switch (candidate->type) {
  case NICE_CANDIDATE_TYPE_HOST: return "host";
  case NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE: return "srflx";
  case NICE_CANDIDATE_TYPE_PEER_REFLEXIVE: return "prflx";
  case NICE_CANDIDATE_TYPE_RELAYED: return "relay";
  }
  return "unknown";
}

static void selected(
  NiceAgent *from, guint of, guint component, NiceCandidate *local, NiceCandidate *remote, gpointer data) {
  (void)from, (void)of, (void)component, (void)data;
  snprintf(path, sizeof path, "%s %s", kind(local), kind(remote));
}

static void changed(NiceAgent *from, guint of, guint component, guint state, gpointer data) {
  (void)from, (void)of, (void)component, (void)data;
  fprintf(stderr, "%s\n", nice_component_state_to_string(state));
  if (state == NICE_COMPONENT_STATE_FAILED) g_main_loop_quit(loop);
  isOpen = state == NICE_COMPONENT_STATE_READY;
  echo_backwards();
  ask();
}

static void writable(NiceAgent *from, guint of, guint component, gpointer data) {
  (void)from, (void)of, (void)component, (void)data;
  ask();
}

// The standard input without carriage returns: libnice takes those at the end of SDP's lines for part of what they say.
static char *whole_input(void) {
  GString *text = g_string_new(NULL);
  for (int byte; (byte = getchar()) != EOF;) {
    if (byte != '\r') g_string_append_c(text, (gchar)byte);
  }
  return g_string_free(text, FALSE);
}

static void gathered(NiceAgent *from, guint of, gpointer data) {
  (void)from, (void)of, (void)data;
  gchar *own = nice_agent_generate_local_sdp(agent);
  printf("%sa=end-of-candidates\n", own);
  fflush(stdout);
  g_free(own);
  char *theirs = whole_input();
  if (nice_agent_parse_remote_sdp(agent, theirs) < 0) {
    fprintf(stderr, "libnice does not take this description:\n%s", theirs);
    exit(2);
  }
  g_free(theirs);
}

static gboolean too_late(gpointer data) {
  (void)data;
  fprintf(stderr, "it has taken too long\n");
  g_main_loop_quit(loop);
  return G_SOURCE_REMOVE;
}

int main(int count, char **words) {
  char *server = NULL, *user = "", *password = "";
  gboolean isForced = FALSE;
  NiceRelayType transport = NICE_RELAY_TYPE_TURN_UDP;
  NiceAgentOption options = NICE_AGENT_OPTION_REGULAR_NOMINATION | NICE_AGENT_OPTION_CONSENT_FRESHNESS;
  for (int option; (option = getopt(count, words, "n:t:u:p:TRAe")) != -1;) {
    switch (option) {
    case 'n': wanted = (unsigned)atoi(optarg); break;
    case 't': server = optarg; break;
    case 'u': user = optarg; break;
    case 'p': password = optarg; break;
    case 'T': transport = NICE_RELAY_TYPE_TURN_TCP; break;
    case 'R': isForced = TRUE; break;
    case 'A': options &= ~(unsigned)NICE_AGENT_OPTION_REGULAR_NOMINATION; break;
    case 'e':
      isEcho = TRUE;
      wanted = 0;
      break;
    default: return 2;
    }
  }
  if (optind + 1 != count) return 2;
  loop = g_main_loop_new(NULL, FALSE);
  agent = nice_agent_new_full(NULL, NICE_COMPATIBILITY_RFC5245, options);
  gboolean decides = strcmp(words[optind], "controlling") == 0;
  g_object_set(agent, "controlling-mode", decides, "ice-tcp", FALSE, "upnp", FALSE, "force-relay", isForced, NULL);
  NiceAddress *loopback = nice_address_new();
  if (!nice_address_set_from_string(loopback, "127.0.0.1")) return 2;
  nice_agent_add_local_address(agent, loopback);
  nice_address_free(loopback);
  stream = nice_agent_add_stream(agent, 1);
  nice_agent_set_stream_name(agent, stream, "application");
  if (server) {
    char *colon = strchr(server, ':');
    if (!colon) return 2;
    *colon = 0;
    nice_agent_set_relay_info(
      agent, stream, 1, server, (guint)atoi(colon + 1), user, password, transport);
  }
  g_signal_connect(agent, "candidate-gathering-done", G_CALLBACK(gathered), NULL);
  g_signal_connect(agent, "component-state-changed", G_CALLBACK(changed), NULL);
  g_signal_connect(agent, "new-selected-pair-full", G_CALLBACK(selected), NULL);
  g_signal_connect(agent, "reliable-transport-writable", G_CALLBACK(writable), NULL);
  nice_agent_attach_recv(agent, stream, 1, g_main_loop_get_context(loop), received, NULL);
  g_timeout_add_seconds(SECONDS, too_late, NULL);
  if (!nice_agent_gather_candidates(agent, stream)) return 2;
  g_main_loop_run(loop);
  printf("answered %u altered %u asked %u by %s\n", answered, altered, echoed, path);
  fflush(stdout);
  return answered == wanted && altered == 0 && hasEnded ? 0 : 1;
}
