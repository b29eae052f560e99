package io.github.maskinportencore;

import com.google.gson.JsonObject;
import java.util.function.Consumer;

/** Takes events out of the library and gives them to an observer, until the client is closed. */
final class EventPump implements Runnable {
    // Not the client itself: this thread must not keep it from being collected.
    private final ClientHandle state;
    private final Consumer<Event> observer;

    private EventPump(ClientHandle state, Consumer<Event> observer) {
        this.state = state;
        this.observer = observer;
    }

    static void start(ClientHandle state, Consumer<Event> observer) {
        Thread thread = new Thread(new EventPump(state, observer), "maskinporten-events");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void run() {
        while (!state.isClosed()) {
            JsonObject taken;
            try {
                taken = state.library.clientEvents(state.handle, -1);
            } catch (MaskinportenException e) {
                return; // closed
            }
            state.droppedEvents.addAndGet(Json.number(taken, "dropped"));
            for (JsonObject event : Json.objects(taken, "events")) {
                tell(Event.of(event));
            }
        }
    }

    private void tell(Event event) {
        try {
            observer.accept(event);
        } catch (RuntimeException e) {
            // An observer that fails must not keep a program from its tokens.
        }
    }
}
